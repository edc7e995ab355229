"""The index of transcripts follows PostgreSQL without a hand."""

import threading

import pytest
from fix_stack import RunningStack, wait_until
from fix_transcripts import insert_transcripts

from stores.postgres.client import connect as connect_postgres
from stores.search import indexer
from stores.search.client import connect as connect_search
from stores.search.transcripts import ALIAS, current_index, ensure


def _count() -> int:
    client = connect_search()
    client.indices.refresh(index=ALIAS)
    return int(client.count(index=ALIAS)["count"])


def test_changed_transcripts_and_a_lost_index_are_indexed_anew(
    stack: RunningStack, postgres_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(indexer, "POLL_SECONDS", 0.2)
    stop = threading.Event()
    following = threading.Thread(target=indexer.follow, args=[stop])
    following.start()
    try:
        with connect_postgres() as connection:
            insert_transcripts(connection, "one", "two")
        wait_until(lambda: _count() == 2, what="the new transcripts are not found")
        with connect_postgres() as connection:
            connection.execute("DELETE FROM analysis_results WHERE transcription_text = 'one'")
        wait_until(lambda: _count() == 1, what="the deleted transcript is still found")
        lost = current_index()
        connect_search().indices.delete(index=str(lost))
        wait_until(lambda: current_index() not in (None, lost), what="the index is not back")
        assert _count() == 1
    finally:
        stop.set()
        following.join(10)


def test_an_index_that_is_there_is_left_alone(stack: RunningStack) -> None:
    ensure()
    before = current_index()
    assert not ensure()
    assert current_index() == before
