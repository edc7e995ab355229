"""Full-text search: how it is reached, the index of transcripts and how it is filled."""
