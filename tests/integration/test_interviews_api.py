"""Reading interviews: from the cache, never an old one, and only one's own."""

import asyncio
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from uuid import UUID, uuid4

import httpx
import pytest
import redis
from fix_interviews import Interviewing
from fix_stack import wait_until

from serving.interviews import Interviews
from stores.redis_store import keys
from stores.redis_store.client import connect
from stores.redis_store.interview_cache import ChangedInterviews, InterviewCache

Watching = Callable[[], AbstractContextManager[None]]


@pytest.fixture
def cache(redis_url: str) -> redis.Redis:
    return connect(keys.Database.CACHE, redis_url)


def _wait_watched(cache: redis.Redis) -> None:
    wait_until(lambda: cache.exists(keys.INTERVIEWS_WATCHED_KEY), 10, "the cache is watched")


def _title(reads: httpx.Client, interview: UUID) -> str:
    answer = reads.get(f"/v1/interviews/{interview}")
    assert answer.status_code == 200, answer.text
    return str(answer.json()["title"])


def test_an_interview_is_cached_and_never_older_than_a_second(
    reads: httpx.Client, interviewing: Interviewing, watching: Watching, cache: redis.Redis
) -> None:
    interview = interviewing.make("First")
    other = interviewing.make("Other")
    [(question,)] = interviewing.execute(
        "SELECT id FROM questions WHERE interview_id = %s AND order_index = 2", interview
    )
    # Nobody watches yet: everything comes from PostgreSQL, and nothing is kept.
    assert _title(reads, interview) == "First"
    assert not cache.exists(keys.interview_key(interview))
    with watching():
        _wait_watched(cache)
        first = reads.get(f"/v1/interviews/{interview}")
        assert [each["text"] for each in first.json()["questions"]] == ["Who are you?", "Why us?"]
        assert first.json()["created_at"].endswith("Z")
        assert 0 < cache.ttl(keys.interview_key(interview)) <= keys.INTERVIEW_SECONDS
        assert cache.get(keys.interview_key(interview)) == first.text
        tag = first.headers["etag"]
        again = reads.get(f"/v1/interviews/{interview}", headers={"If-None-Match": f'"x", {tag}'})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["etag"] == tag

        for change, seen in (
            ("UPDATE interviews SET title = 'Second' WHERE id = %s", lambda it: it["title"]),
            (
                "UPDATE questions SET text = 'How?' WHERE interview_id = %s AND order_index = 1",
                lambda it: it["questions"][0]["text"],
            ),
        ):
            reads.get(f"/v1/interviews/{interview}")
            assert cache.exists(keys.interview_key(interview))
            interviewing.execute(change, interview)
            committed = time.monotonic()
            wait_until(lambda: not cache.exists(keys.interview_key(interview)), 10, "it is out")
            took = time.monotonic() - committed
            assert seen(reads.get(f"/v1/interviews/{interview}").json()) in ("Second", "How?")
            print(f"taken out {took * 1000:.0f} ms after the commit")
        # A question that moves is seen at both ends, and one that is deleted tells whose it was.
        _title(reads, interview), _title(reads, other)
        interviewing.execute(
            "UPDATE questions SET interview_id = %s WHERE id = %s", other, question
        )
        _until_question_count(reads, interview, 1)
        _until_question_count(reads, other, 3)
        interviewing.execute("DELETE FROM questions WHERE id = %s", question)
        _until_question_count(reads, other, 2)
        interviewing.execute("DELETE FROM interviews WHERE id = %s", other)
        gone = wait_until(
            lambda: [a for a in [reads.get(f"/v1/interviews/{other}")] if a.status_code == 404], 5
        )
        assert gone[0].json()["type"] == "/problems/not-found"
    # The watch has ended: soon PostgreSQL is asked again, whatever is still cached.
    interviewing.execute("UPDATE interviews SET title = 'Third' WHERE id = %s", interview)
    wait_until(lambda: not cache.exists(keys.INTERVIEWS_WATCHED_KEY), 10, "the watch ends")
    assert _title(reads, interview) == "Third"


def _until_question_count(reads: httpx.Client, interview: UUID, count: int) -> None:
    wait_until(
        lambda: len(reads.get(f"/v1/interviews/{interview}").json()["questions"]) == count,
        5,
        f"{count} questions",
    )


def test_what_was_read_before_a_change_does_not_land_after_it(redis_url: str) -> None:
    async def scenario() -> None:
        cache, changed, identity = InterviewCache(redis_url), ChangedInterviews(redis_url), uuid4()
        changed.watched(0)
        token = await cache.lease(identity)
        assert token
        assert await cache.lease(identity) is None
        changed.forget([str(identity)])
        assert not await cache.land(identity, token, b"old")
        # A fill that begins after the change lands, for a second only while commits settle.
        fresh = await cache.lease(identity)
        assert fresh
        assert await cache.land(identity, fresh, b"new")
        with connect(keys.Database.CACHE, redis_url) as client:
            assert 0 < client.pttl(keys.interview_key(identity)) <= 1000
        # Emptying all takes away leases as well, and the watch first.
        token = await cache.lease(identity)
        changed.forget_all()
        assert not await cache.land(identity, token or "", b"old")
        [found] = await cache.read([identity])
        assert (found.body, found.is_watched) == (None, False)
        await cache.close()

    asyncio.run(scenario())


def test_a_stampede_reads_once_also_across_processes(redis_url: str) -> None:
    async def scenario() -> None:
        loads = 0

        async def load(_: UUID) -> bytes:
            nonlocal loads
            loads += 1
            await asyncio.sleep(0.3)
            return b"{}"

        ChangedInterviews(redis_url).watched(0)
        # What two processes do: nothing is shared but Redis.
        known = [Interviews(InterviewCache(redis_url), load) for _ in range(2)]
        identity = uuid4()
        found = await asyncio.gather(*(known[n % 2].read(identity) for n in range(400)))
        assert set(found) == {b"{}"}
        assert loads == 1
        for each in known:
            await each.close()

    asyncio.run(scenario())


def test_without_redis_interviews_come_from_postgresql(
    interviewing: Interviewing, redis_url: str
) -> None:
    async def scenario() -> None:
        async def load(_: UUID) -> bytes:
            return b"{}"

        known = Interviews(InterviewCache("redis://127.0.0.1:1"), load)
        assert await asyncio.gather(*(known.read(uuid4()) for _ in range(50))) == [b"{}"] * 50
        await known.close()

    asyncio.run(scenario())


def test_another_tenants_interview_does_not_exist(
    reads: httpx.Client, interviewing: Interviewing
) -> None:
    stranger = interviewing.make_user("stranger@example.com")
    interview = interviewing.make()
    path = f"/v1/interviews/{interview}"
    mine = interviewing.key("mine", ["interviews:read"], interviewing.user_id)
    theirs = interviewing.key("theirs", ["interviews:read"], stranger)
    nothing = interviewing.key("nothing", ["usage:read"])
    assert reads.get(path, headers=mine).status_code == 200
    refused = reads.get(path, headers=theirs)
    unknown = reads.get(f"/v1/interviews/{uuid4()}", headers=theirs)
    assert refused.status_code == unknown.status_code == 404
    assert refused.json()["detail"] == unknown.json()["detail"]
    assert reads.get(path, headers=nothing).status_code == 403
    assert reads.get(path, headers={"Authorization": ""}).status_code == 401
    assert reads.get("/v1/interviews/'; DROP TABLE users; --").status_code == 422


def test_a_public_link_shows_what_a_candidate_may_see_until_it_expires(
    reads: httpx.Client, interviewing: Interviewing, monkeypatch: pytest.MonkeyPatch
) -> None:
    interview = interviewing.make()
    draft = interviewing.make(status="draft")

    def get(of: UUID) -> httpx.Response:
        [(token,)] = interviewing.execute(
            "SELECT public_link_token FROM interviews WHERE id = %s", of
        )
        return httpx.get(f"{reads.base_url}/v1/public/interviews/{token}")

    seen = get(interview)
    assert seen.status_code == 200
    assert set(seen.json()) == {"title", "description", "expires_at", "questions"}
    assert "RateLimit" in seen.headers
    assert get(draft).status_code == 404
    interviewing.execute(
        "UPDATE interviews SET expires_at = now() - interval '1 s' WHERE id = %s", interview
    )
    ended = get(interview)
    assert (ended.status_code, ended.json()["type"]) == (410, "/problems/gone")
    assert "Backend" not in ended.text
