"""What an earlier load of a recording wrote and its present text no longer has.

Belongs here: taking those rows away, so that an edited transcript replaces the old one. Rows
that the product has added to the interview since are under other sessions and stay.
"""

from uuid import UUID

from ingestion.loaders.report import Written
from ingestion.loaders.rows import Tables
from stores.postgres.client import Connection

_SESSIONS = (
    "SELECT id FROM candidate_sessions WHERE interview_id = %(interview)s AND metadata ? 'timing'"
)
# Referring tables first. A loaded session is told by the `timing` that its metadata states.
_SCOPES = {
    "processing_jobs": "media_file_id IN"
    f" (SELECT id FROM media_files WHERE session_id IN ({_SESSIONS}))",
    "analysis_results": f"session_id IN ({_SESSIONS})",
    "candidate_responses": f"session_id IN ({_SESSIONS})",
    "media_files": f"session_id IN ({_SESSIONS})",
    "candidate_sessions": f"id IN ({_SESSIONS})",
    "questions": "interview_id = %(interview)s",
}


def delete(connection: Connection, interview_id: UUID, tables: Tables) -> dict[str, Written]:
    """Delete what `tables` no longer has. Returns the counts of the tables touched."""
    deleted = {}
    for table, scope in _SCOPES.items():
        kept = [row["id"] for row in tables.get(table, ())]
        count = connection.execute(
            f"DELETE FROM public.{table} WHERE {scope} AND id <> ALL(%(kept)s)",
            {"interview": interview_id, "kept": kept},
        ).rowcount
        if count:
            deleted[table] = Written(deleted=count)
    return deleted
