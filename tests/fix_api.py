"""The API over real HTTP, for what posts to it; landing what it took is left to the test.

Belongs here: serving the application in a thread, with the shared stores behind it.
"""

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import uvicorn
from fastapi import FastAPI
from fix_stack import wait_until


@contextmanager
def serving(app: FastAPI) -> Iterator[str]:
    """`app` behind a port of its own, in a thread; its address."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        wait_until(lambda: server.started, 20, "the API starts")
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        server.should_exit = True
        thread.join(timeout=20)


@pytest.fixture
def api_url(
    postgres_url: str,
    event_bus_url: str,
    redis_url: str,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[str]:
    """The API's address; API_URL and API_KEY lead to it."""
    from serving.app import create_app
    from stores.postgres import api_keys
    from stores.postgres.client import connect

    with connect(postgres_url) as connection:
        key = api_keys.create(connection, "loaders", api_keys.SCOPES)
    with serving(create_app()) as url:
        monkeypatch.setenv("API_URL", url)
        monkeypatch.setenv("API_KEY", key)
        yield url
