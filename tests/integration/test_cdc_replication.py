"""The stream is read the same through the socket and through libpq, whole or while it is open."""

import pytest
from fix_capture import Capture

from stores.postgres import replication
from stores.postgres.replication import _LibpqWire, _SocketWire


@pytest.mark.parametrize("reader", ["socket", "libpq"])
def test_values_of_every_size_arrive_whole(
    capture: Capture, monkeypatch: pytest.MonkeyPatch, reader: str
) -> None:
    """libpq reads where the connection is encrypted, and the old protocol where PostgreSQL is
    older than 14; neither can be had here, so both are asked for."""
    if reader == "libpq":
        monkeypatch.setattr(replication, "_skip_answer", lambda _: False)
        monkeypatch.setattr(replication, "STREAMING_SINCE", 10_000_000)
    opened: list[type] = []
    start = replication.ReplicationConnection.start

    def remember(
        self: replication.ReplicationConnection, slot: str, publication: str, lsn: int
    ) -> None:
        start(self, slot, publication, lsn)
        opened.append(type(self._wire))

    monkeypatch.setattr(replication.ReplicationConnection, "start", remember)
    monkeypatch.setattr(replication, "MAX_POLLED_BYTES", 50_000)
    capture.sql("CREATE TABLE sized (id int PRIMARY KEY, words text)")
    capture.publish("sized")
    capture.start()
    capture.sql(
        "INSERT INTO sized SELECT n, repeat('x', n) FROM generate_series(0, 2000) n",
        "INSERT INTO sized SELECT 10000 + n, repeat('y', 30000 + n) FROM generate_series(1, 30) n",
        "INSERT INTO sized VALUES (20000, repeat('z', 7000000)), (20001, ''), (20002, NULL)",
        "UPDATE sized SET words = words || '!' WHERE id > 20000 OR id < 10",
    )
    capture.settle(60)
    capture.assert_equal("sized")
    assert opened[-1] is (_LibpqWire if reader == "libpq" else _SocketWire)


def test_what_postgresql_answers_instead_of_a_stream_is_told(capture: Capture) -> None:
    connection = replication.ReplicationConnection(capture.options.source_url)
    try:
        with pytest.raises(replication.psycopg.Error, match="does not exist"):
            connection.start("no_such_slot", "no_such_publication", 0)
    finally:
        connection.close()
