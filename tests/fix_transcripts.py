"""Rows that several tests of the index of transcripts need."""

from typing import Any

import psycopg


def insert_transcripts(connection: psycopg.Connection[Any], *texts: str) -> None:
    """An interview with one question, and a session with an analysed response per text."""
    one = connection.execute(
        "WITH u AS (INSERT INTO users (email, password_hash) VALUES ('a@b.c', 'x') RETURNING id),"
        " i AS (INSERT INTO interviews (title, created_by) SELECT 't', id FROM u RETURNING id),"
        " q AS (INSERT INTO questions (interview_id, text, type, order_index)"
        "  SELECT id, 'q', 'video', 1 FROM i RETURNING id) SELECT i.id, q.id FROM i, q"
    ).fetchone()
    assert one is not None
    for text in texts:
        connection.execute(
            "WITH s AS (INSERT INTO candidate_sessions (interview_id) VALUES (%(interview)s)"
            "  RETURNING id),"
            " m AS (INSERT INTO media_files (interview_id, session_id, question_id,"
            "  original_filename, content_type, file_size_bytes, original_path)"
            "  SELECT %(interview)s, id, %(question)s, 'f', 'video/webm', 1, 'p' FROM s"
            "  RETURNING id)"
            " INSERT INTO analysis_results (interview_id, session_id, media_file_id,"
            "  transcription_text, sentiment_analysis, keywords)"
            ' SELECT %(interview)s, s.id, m.id, %(text)s, \'{"label": "positive"}\','
            " '[\"testing\"]' FROM s, m",
            {"interview": one[0], "question": one[1], "text": text},
        )
