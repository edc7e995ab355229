"""The event bus on Apache Kafka, or on what speaks its protocol.

Published means: acknowledged by all in-sync replicas, from an idempotent producer. Partitions
are assigned by the caller and never by the broker: the same leases that share out the partitions
of Redis share out these, and no rebalance stops all readers at once. Offsets are committed, by
hand, for the group, so that Kafka's own tools show how far behind it is.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime
from typing import Any

from confluent_kafka import (
    OFFSET_BEGINNING,
    Consumer,
    KafkaError,
    KafkaException,
    Producer,
    TopicPartition,
)
from confluent_kafka.admin import AdminClient, NewTopic  # type: ignore[attr-defined]

from stores.errors import StoreBusy, StoreUnavailable
from stores.event_bus.interface import GROUP, Delivery, Message, Span
from stores.event_bus.kafka_url import KafkaTarget, read_url

# A message that is not acknowledged by then is given up, and its sender told so.
_DELIVERY_TIMEOUT_MS = 10_000
_ANSWER_SECONDS = 10.0
_READ_SECONDS = 15.0
_PEEK_SECONDS = 0.02
_PAGE_MESSAGES = 64
_PREFETCH_KILOBYTES = 16 * 1024
_MESSAGE_LIMIT_BYTES = 4 * 1024 * 1024
_EVENT_COUNT = "n"
# Of a request whose events are among those of the message, as the W3C names it.
_TRACE = "traceparent"


def _unavailable(reason: object) -> StoreUnavailable:
    return StoreUnavailable(f"EVENT_BUS_URL: Kafka does not answer: {reason}")


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except KafkaException as error:
        raise _unavailable(_reason(error.args[0] if error.args else error)) from error
    except BufferError as error:
        raise StoreBusy("EVENT_BUS_URL: too much waits to be sent to Kafka") from error


def _reason(error: Any) -> str:
    return str(error.str()) if isinstance(error, KafkaError) else str(error)


class _Sending:
    """A producer, made again after an error that it cannot survive, and the topics known."""

    def __init__(self, target: KafkaTarget) -> None:
        self._target = target
        self._producer: Producer | None = None
        self._known: set[str] = set()
        self._lock = threading.Lock()

    @property
    def producer(self) -> Producer:
        """The one in use."""
        with self._lock:
            if self._producer is None:
                settings = {
                    "acks": "all",
                    "linger.ms": 1,
                    "message.max.bytes": _MESSAGE_LIMIT_BYTES,
                    "message.timeout.ms": _DELIVERY_TIMEOUT_MS,
                    **self._target.settings,
                    "enable.idempotence": True,
                }
                self._producer = Producer(settings)
            return self._producer

    def begin(self, topic: str, messages: Sequence[Message], done: Any) -> None:
        """Hand `messages` over; `done(error or None)` is called once for each."""

        def delivered(error: KafkaError | None, _: Any) -> None:
            if error is not None and error.fatal():
                with self._lock:
                    self._producer = None
            done(error)

        for message in messages:
            self.producer.produce(
                topic,
                message.body,
                key=message.key,
                headers=_headers_of(message),
                on_delivery=delivered,
            )

    def ensure(self, topic: str) -> None:
        """Make `topic` where there is none."""
        if topic not in self._known:
            ensure_topic(AdminClient(self._target.settings), self._target, topic)
            self._known.add(topic)

    def is_known(self, topic: str) -> bool:
        """Whether `ensure` has nothing to do."""
        return topic in self._known


def ensure_topic(admin: AdminClient, target: KafkaTarget, topic: str) -> list[int]:
    """The partitions of `topic`, which is made where there is none."""
    with _translated():
        deadline = time.monotonic() + _ANSWER_SECONDS
        while True:
            found = admin.list_topics(topic, timeout=_ANSWER_SECONDS).topics.get(topic)
            if found is not None and found.error is None and found.partitions:
                return sorted(found.partitions)
            if time.monotonic() > deadline:
                raise _unavailable(f"topic {topic} cannot be made")
            made = admin.create_topics(
                [NewTopic(topic, target.partitions, target.replication)],
                operation_timeout=_ANSWER_SECONDS,
                request_timeout=_ANSWER_SECONDS,
            )
            try:
                made[topic].result(_ANSWER_SECONDS)
            except KafkaException as error:
                if error.args[0].code() != KafkaError.TOPIC_ALREADY_EXISTS:
                    raise
                time.sleep(_PEEK_SECONDS)


class KafkaPublisher:
    """The API's side: librdkafka sends in its own threads, and one of ours hears the answers."""

    def __init__(self, url: str, partitions: int = 1) -> None:
        self._sending = _Sending(read_url(url, partitions))
        self._stop = threading.Event()
        self._thread: threading.Thread | None = None

    async def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """As the interface says."""
        if not messages:
            return
        if not self._sending.is_known(topic):
            await asyncio.to_thread(self._sending.ensure, topic)
        self._listen()
        loop = asyncio.get_running_loop()
        answer: asyncio.Future[None] = loop.create_future()
        waiting = [len(messages)]

        def settled(error: KafkaError | None) -> None:
            waiting[0] -= 1
            if answer.done():
                return
            if error is not None:
                answer.set_exception(_unavailable(error.str()))
            elif waiting[0] == 0:
                answer.set_result(None)

        def done(error: KafkaError | None) -> None:
            with contextlib.suppress(RuntimeError):  # The loop was closed meanwhile.
                loop.call_soon_threadsafe(settled, error)

        with _translated():
            self._sending.begin(topic, messages, done)
        try:
            await asyncio.wait_for(answer, _DELIVERY_TIMEOUT_MS / 1000 + 1)
        except TimeoutError:
            raise _unavailable("no acknowledgement in time") from None

    def _listen(self) -> None:
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(target=self._poll, name="kafka-answers", daemon=True)
            self._thread.start()

    def _poll(self) -> None:
        while not self._stop.is_set():
            self._sending.producer.poll(0.1)

    async def ping(self) -> None:
        """As the interface says."""
        with _translated():
            await asyncio.to_thread(self._sending.producer.list_topics, timeout=_ANSWER_SECONDS / 2)

    async def close(self) -> None:
        """As the interface says."""
        self._stop.set()
        if self._thread is not None:
            await asyncio.to_thread(self._thread.join)
            await asyncio.to_thread(self._sending.producer.flush, 1.0)


class KafkaBus:
    """The writer's side; see the interface for what each method promises."""

    def __init__(self, url: str, partitions: int = 1) -> None:
        self._target = read_url(url, partitions)
        self._sending = _Sending(self._target)
        self._consumers: dict[str, Consumer] = {}
        # Of each open partition, the offset of the message to hand out next.
        self._next: dict[str, dict[int, int]] = {}
        self._peeked: dict[str, list[Delivery]] = {}
        self._reader: Consumer | None = None

    def publish(self, topic: str, messages: Sequence[Message]) -> None:
        """Send and wait for every acknowledgement."""
        if not messages:
            return
        self._sending.ensure(topic)
        failures: list[KafkaError] = []
        answers = [0]

        def done(error: KafkaError | None) -> None:
            answers[0] += 1
            if error is not None:
                failures.append(error)

        deadline = time.monotonic() + _DELIVERY_TIMEOUT_MS / 1000 + 1
        with _translated():
            self._sending.begin(topic, messages, done)
            while answers[0] < len(messages) and time.monotonic() < deadline:
                self._sending.producer.poll(0.1)
        if failures:
            raise _unavailable(failures[0].str())
        if answers[0] < len(messages):
            raise _unavailable("no acknowledgement in time")

    def partitions(self, topic: str) -> list[int]:
        """Those of the topic, which is made where there is none."""
        return ensure_topic(AdminClient(self._target.settings), self._target, topic)

    def open(self, topic: str, partitions: Iterable[int]) -> None:
        """Assign; a new one from what was committed."""
        wanted = set(partitions)
        before = self._next.get(topic, {})
        if wanted == set(before):
            return
        kept = {number: offset for number, offset in before.items() if number in wanted}
        peeked = [item for item in self._peeked.pop(topic, []) if item.partition in kept]
        for item in reversed(peeked):
            kept[item.partition] = int(item.position)
        if not wanted:
            self._close_consumer(topic)
            return
        consumer = self._consumer(topic)
        committed = self._committed(consumer, topic, wanted - set(kept))
        self._next[topic] = {**kept, **committed}
        with _translated():
            consumer.assign(
                [
                    TopicPartition(topic, number, offset)
                    for number, offset in self._next[topic].items()
                ]
            )

    def _consumer(self, topic: str) -> Consumer:
        if topic not in self._consumers:
            self._consumers[topic] = self._new_consumer()
        return self._consumers[topic]

    def _new_consumer(self) -> Consumer:
        return Consumer(
            {
                "queued.max.messages.kbytes": _PREFETCH_KILOBYTES,
                "fetch.wait.max.ms": 100,
                "fetch.message.max.bytes": _MESSAGE_LIMIT_BYTES,
                **self._target.settings,
                "group.id": GROUP,
                "enable.auto.commit": False,
                "auto.offset.reset": "earliest",
            }
        )

    def _committed(self, consumer: Consumer, topic: str, numbers: Iterable[int]) -> dict[int, int]:
        asked = [TopicPartition(topic, number) for number in sorted(numbers)]
        if not asked:
            return {}
        with _translated():
            found = consumer.committed(asked, timeout=_ANSWER_SECONDS)
        for item in found:
            if item.error is not None:
                raise _unavailable(item.error.str())
        return {
            item.partition: item.offset if item.offset >= 0 else OFFSET_BEGINNING for item in found
        }

    def consume(self, topic: str, limit: int) -> list[Delivery]:
        """What was fetched meanwhile."""
        if topic not in self._consumers:
            return []
        found = self._peeked.pop(topic, [])
        return found + self._fetched(topic, limit - len(found), 0)

    def _fetched(self, topic: str, limit: int, seconds: float) -> list[Delivery]:
        with _translated():
            messages = self._consumers[topic].consume(max(1, limit), timeout=seconds)
        found = [_delivery(message) for message in messages if _is_good(message)]
        for item in found:
            self._next[topic][item.partition] = int(item.position) + 1
        return found

    def between(self, topic: str, span: Span) -> list[Delivery]:
        """Read by a consumer of its own, from the first to the last."""
        low, high = self._watermarks(topic).get(span.partition, (0, 0))
        if int(span.first) < low or int(span.last) >= high:
            return []
        reader = self._read_from(topic, span.partition, int(span.first))
        return list(self._until(reader, int(span.last) + 1))

    def since(self, topic: str, moment: datetime) -> Iterator[Delivery]:
        """Partition by partition, up to what is its end now. Times need not be in order there."""
        from_ms = int(moment.timestamp() * 1000)
        for number, end in self.ends(topic).items():
            reader = self._shared_reader()
            asked = TopicPartition(topic, number, from_ms)
            with _translated():
                [start] = reader.offsets_for_times([asked], timeout=_ANSWER_SECONDS)
            if 0 <= start.offset < int(end):
                reader = self._read_from(topic, number, start.offset)
                for item in self._until(reader, int(end)):
                    if item.published_at_ms >= from_ms:
                        yield item

    def _shared_reader(self) -> Consumer:
        if self._reader is None:
            self._reader = self._new_consumer()
        return self._reader

    def _read_from(self, topic: str, partition: int, offset: int) -> Consumer:
        reader = self._shared_reader()
        with _translated():
            reader.assign([TopicPartition(topic, partition, offset)])
        return reader

    def _until(self, reader: Consumer, end: int) -> Iterator[Delivery]:
        """Up to, not including, the offset `end`; ends early where there is nothing to read."""
        waited = 0.0
        while waited < _READ_SECONDS:
            with _translated():
                messages = reader.consume(_PAGE_MESSAGES, timeout=0.05)
            waited = 0 if messages else waited + 0.05
            for message in messages:
                if not _is_good(message):
                    continue
                item = _delivery(message)
                if int(item.position) < end:
                    yield item
                if int(item.position) + 1 >= end:
                    return
        raise _unavailable("a message was not read in time")

    def wait(self, topics: Sequence[str], seconds: float) -> None:
        """Look into each open topic in turn."""
        deadline = time.monotonic() + seconds
        opened = [topic for topic in topics if topic in self._consumers]
        if not opened:
            time.sleep(seconds)
        while opened and time.monotonic() < deadline:
            for topic in opened:
                if found := self._fetched(topic, 1, _PEEK_SECONDS):
                    self._peeked.setdefault(topic, []).extend(found)
                    return

    def settle(self, topic: str, spans: Sequence[Span]) -> None:
        """Commit what follows each span."""
        offsets = [TopicPartition(topic, span.partition, int(span.last) + 1) for span in spans]
        if not offsets:
            return
        with _translated():
            done = self._consumer(topic).commit(offsets=offsets, asynchronous=False)
        for item in done or []:
            if item.error is not None:
                raise _unavailable(item.error.str())

    def ends(self, topic: str) -> dict[int, str]:
        """The offset that the next message will have."""
        return {number: str(high) for number, (_, high) in self._watermarks(topic).items()}

    def _watermarks(self, topic: str) -> dict[int, tuple[int, int]]:
        found: dict[int, tuple[int, int]] = {}
        for number in self.partitions(topic):
            with _translated():
                marks = self._shared_reader().get_watermark_offsets(
                    TopicPartition(topic, number), timeout=_ANSWER_SECONDS, cached=False
                )
            if marks is None:
                raise _unavailable(f"the end of {topic} is not known")
            found[number] = marks
        return found

    def is_settled(self, topic: str, ends: Mapping[int, str]) -> bool:
        """Committed that far; what retention has removed counts as settled."""
        committed = self._committed(self._shared_reader(), topic, ends)
        return all(
            committed[number] >= int(end) or int(end) == 0 or self._is_empty(topic, number)
            for number, end in ends.items()
        )

    def _is_empty(self, topic: str, number: int) -> bool:
        low, high = self._watermarks(topic)[number]
        return low >= high

    def lag(self, topic: str) -> int:
        """Messages; how many events they hold is known to who reads them."""
        marks = self._watermarks(topic)
        committed = self._committed(self._shared_reader(), topic, marks)
        return sum(
            max(0, high - max(low, committed[number])) for number, (low, high) in marks.items()
        )

    def ping(self) -> None:
        """Ask for the brokers."""
        with _translated():
            self._sending.producer.list_topics(timeout=_ANSWER_SECONDS / 2)

    def close(self) -> None:
        """Leave."""
        for topic in list(self._consumers):
            self._close_consumer(topic)
        if self._reader is not None:
            self._reader.close()
            self._reader = None

    def _close_consumer(self, topic: str) -> None:
        self._next.pop(topic, None)
        self._peeked.pop(topic, None)
        consumer = self._consumers.pop(topic, None)
        if consumer is not None:
            consumer.close()


def _is_good(message: Any) -> bool:
    """Whether it is a message and not a notice; raises where the notice is an error."""
    error = message.error()
    if error is None:
        return True
    if error.code() == KafkaError._PARTITION_EOF or error.retriable():
        return False
    raise _unavailable(error.str())


def _headers_of(message: Message) -> list[tuple[str, str | bytes | None]]:
    trace = message.trace.encode() if message.trace else None
    count = str(message.event_count).encode()
    return [(_EVENT_COUNT, count), *([(_TRACE, trace)] if trace else [])]


def _delivery(message: Any) -> Delivery:
    headers = dict(message.headers() or [])
    body = message.value() or b""
    count = int(headers.get(_EVENT_COUNT, body.count(b"\n") + 1))
    _, taken = message.timestamp()
    trace = headers.get(_TRACE, b"").decode()
    return Delivery(str(message.offset()), body, count, message.partition(), max(0, taken), trace)
