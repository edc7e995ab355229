"""Recorded interviews and their transcripts, in the layouts that transcription tools write.

Belongs here: reading a transcript into turns, and making of turns what the product would have
written. How rows reach PostgreSQL belongs to `ingestion.loaders.rows`.
"""
