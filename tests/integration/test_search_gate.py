"""The embedded search server answers who has its password, through an unmodified client."""

import os
import signal
from urllib.parse import urlsplit
from uuid import uuid4

import psutil
import pytest
import urllib3
from elasticsearch import AuthenticationException, Elasticsearch
from elasticsearch.helpers import bulk
from fix_stack import RunningStack, StartDisposable

from stores.local.processes import identify, is_alive
from stores.local.search_gate import LONGEST_BODY_BYTES
from stores.search.client import connect
from stores.search.transcripts import ALIAS


def _url(stack: RunningStack, credentials: str = "") -> str:
    parts = urlsplit(stack.environment["ELASTICSEARCH_URL"])
    return f"http://{credentials}{parts.hostname}:{parts.port}"


def test_the_unmodified_client_works_with_the_published_url(stack: RunningStack) -> None:
    index = f"gate-{uuid4()}"
    with Elasticsearch(stack.environment["ELASTICSEARCH_URL"], request_timeout=30) as client:
        assert client.info()["version"]["number"]
        documents = ({"_index": index, "_id": str(n), "text": f"число {n}"} for n in range(2000))
        assert bulk(client, documents)[0] == 2000
        client.indices.refresh(index=index)
        assert client.count(index=index)["count"] == 2000
        found = client.search(index=index, query={"match": {"text": "1999"}}, size=2000)
        assert [hit["_id"] for hit in found["hits"]["hits"]] == ["1999"]
        large = client.search(index=index, query={"match_all": {}}, size=2000)
        assert len(large["hits"]["hits"]) == 2000
        assert not client.exists(index=index, id="none")
        client.indices.delete(index=index)


def test_without_the_right_password_nothing_is_answered(stack: RunningStack) -> None:
    for credentials in ("", "elastic:wrong@", "other:wrong@"):
        with (
            Elasticsearch(_url(stack, credentials), max_retries=0) as client,
            pytest.raises(AuthenticationException),
        ):
            client.search(index=ALIAS)
    for method in ("GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"):
        answer = urllib3.request(method, f"{_url(stack)}/{ALIAS}", retries=False, timeout=10)
        assert answer.status == 401
        assert answer.headers["www-authenticate"].startswith("Basic")


def test_a_body_without_end_is_refused(stack: RunningStack) -> None:
    parts = urlsplit(stack.environment["ELASTICSEARCH_URL"])
    block = b" " * (1 << 20)
    answer = urllib3.request(
        "POST",
        f"{_url(stack)}/_bulk",
        body=(block for _ in range(LONGEST_BODY_BYTES // len(block) + 1)),
        headers=urllib3.make_headers(basic_auth=f"{parts.username}:{parts.password}"),
        retries=False,
        timeout=30,
    )
    assert answer.status == 413


@pytest.mark.parametrize("whose", ["gate", "server"])
def test_gate_and_server_end_together_and_come_back(
    disposable_stack: StartDisposable, whose: str
) -> None:
    running = disposable_stack("search")
    gate = psutil.Process(running.service("search")["pid"])
    (server,) = gate.children()
    before = [identity for entry in (gate, server) if (identity := identify(entry.pid))]
    assert len(before) == 2
    os.kill((gate if whose == "gate" else server).pid, signal.SIGKILL)
    running.wait_restarted("search", before=0)
    assert not any(map(is_alive, before))
    assert connect().indices.exists_alias(name=ALIAS)
