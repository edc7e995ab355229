"""The index of transcripts: made, and filled from PostgreSQL, where the transcripts are kept.

Belongs here: what a document is and how all of them are indexed anew. Each analysis result
with a transcript is one document, with the analysis result's id.
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stores.errors import StoreUnavailable
from stores.postgres.client import connect as connect_postgres
from stores.search.client import connect as connect_search
from stores.settings import Settings, load_settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

# The alias that everybody reads; the indexes behind it come and go.
ALIAS = "transcriptions"
MAPPING = Path(__file__).with_name("transcriptions.json")
# Larger bulks get slow on the local server.
BULK_DOCUMENT_COUNT = 500
# Any constant does, as long as nobody else locks it.
_REBUILD_LOCK = 7_240_613_002

# An analysis result knows its question through the media file that was analysed.
_TRANSCRIPTS = """
SELECT a.id, a.interview_id, a.session_id, m.question_id, a.transcription_text, a.keywords,
       a.sentiment_analysis ->> 'label', a.confidence_score, a.created_at
FROM analysis_results AS a
LEFT JOIN media_files AS m ON m.id = a.media_file_id
WHERE a.transcription_text IS NOT NULL
"""


def rebuild(settings: Settings | None = None) -> int:
    """Index every transcript into a new index, then let the alias name it. The count.

    Searches see the former index until the new one is complete.
    """
    values = settings or load_settings()
    client = connect_search(values)
    with connect_postgres(values.require("database_url"), autocommit=True) as guard:
        # Two at once would delete each other's index.
        guard.execute("SELECT pg_advisory_lock(%s)", [_REBUILD_LOCK])
        return _rebuild(client, values)


def _rebuild(client: "Elasticsearch", settings: Settings) -> int:
    from elastic_transport import TransportError
    from elasticsearch import ApiError
    from elasticsearch.helpers import BulkIndexError, bulk

    name = _new_name()
    try:
        client.indices.create(index=name, **json.loads(MAPPING.read_text()))
        count, _ = bulk(client, _documents(name, settings), chunk_size=BULK_DOCUMENT_COUNT)
        client.indices.refresh(index=name)
        _swap(client, name)
    except (ApiError, TransportError, BulkIndexError) as error:
        # Not its text: the error of a bulk carries the documents.
        kind = type(error).__name__
        raise StoreUnavailable(f"ELASTICSEARCH_URL: indexing transcripts failed: {kind}") from None
    return int(count)


def ensure(settings: Settings | None = None) -> bool:
    """Make an empty index where there is none, so that a search finds nothing, not an error."""
    from elastic_transport import TransportError
    from elasticsearch import ApiError

    client = connect_search(settings)
    try:
        if client.indices.exists_alias(name=ALIAS):
            return False
        name = _new_name()
        client.indices.create(index=name, **json.loads(MAPPING.read_text()))
        _swap(client, name)
    except (ApiError, TransportError) as error:
        raise StoreUnavailable(f"ELASTICSEARCH_URL: the index of transcripts: {error}") from error
    return True


def current_index(settings: Settings | None = None) -> str | None:
    """The index that the alias names now."""
    from elastic_transport import TransportError
    from elasticsearch import ApiError, NotFoundError

    try:
        return next(iter(connect_search(settings).indices.get_alias(name=ALIAS).body), None)
    except NotFoundError:
        return None
    except (ApiError, TransportError) as error:
        raise StoreUnavailable(f"ELASTICSEARCH_URL: the index of transcripts: {error}") from error


def _new_name() -> str:
    return f"{ALIAS}-{datetime.now().astimezone():%Y%m%d%H%M%S%f}"


def _swap(client: "Elasticsearch", name: str) -> None:
    former = [index for index in client.indices.get(index=f"{ALIAS}-*") if index != name]
    removals = [{"remove_index": {"index": index}} for index in former]
    client.indices.update_aliases(actions=[{"add": {"index": name, "alias": ALIAS}}, *removals])


def _documents(index: str, settings: Settings) -> Iterator[dict[str, Any]]:
    with (
        connect_postgres(settings.require("database_url")) as connection,
        connection.cursor(name="transcripts") as cursor,
    ):
        for row in cursor.execute(_TRANSCRIPTS):
            yield {"_index": index, "_id": str(row[0]), "_source": document(row[1:])}


def document(row: tuple[Any, ...]) -> dict[str, Any]:
    """What is indexed of one analysis result."""
    interview, session, question, text, keywords, sentiment, confidence, created_at = row
    return {
        "interview_id": str(interview),
        "session_id": str(session),
        "question_id": str(question) if question else None,
        "transcription_text": text,
        "keywords": keywords if isinstance(keywords, list) else [],
        "sentiment": sentiment,
        "confidence_score": confidence,
        "created_at": created_at.isoformat() if created_at else None,
    }
