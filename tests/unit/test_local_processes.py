"""Ports, logs, homes and process identities: what the supervisor stands on."""

import socket
import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from stores.errors import InputInvalid, SettingInvalid, StateConflict
from stores.local.home import Home, read_json, write_json
from stores.local.logs import open_log, rotate, tail
from stores.local.managed import ManagedService, describe_exit
from stores.local.ports import PortReservations, is_free
from stores.local.processes import Identity, identify, is_alive
from stores.local.service import Service
from stores.local.stack import choose


def _listener() -> socket.socket:
    server = socket.socket()
    server.bind(("127.0.0.1", 0))
    server.listen()
    return server


def test_a_taken_port_is_passed_over_for_the_next_free_one() -> None:
    with _listener() as server:
        port = server.getsockname()[1]
        chosen = PortReservations().choose(port)
        assert chosen > port
        assert is_free(chosen)


def test_the_remembered_port_comes_before_the_default() -> None:
    with _listener() as server:
        free = server.getsockname()[1]
    assert PortReservations().choose(1, remembered=free) == free


def test_two_homes_that_start_at_once_do_not_choose_the_same_port() -> None:
    with _listener() as server:
        free = server.getsockname()[1]
    first, second = PortReservations(), PortReservations()
    assert first.choose(free) == free
    assert second.choose(free) != free


def test_a_large_log_is_moved_away_while_its_writer_goes_on(tmp_path: Path) -> None:
    path = tmp_path / "x.log"
    with open_log(path) as log:
        log.write(b"old\n" * 100)
        log.flush()
        assert rotate(path, largest_bytes=100)
        log.write(b"new\n")
        log.flush()
        assert path.read_bytes() == b"new\n"
    assert (tmp_path / "x.log.1").stat().st_size == 400
    assert not rotate(path, largest_bytes=100)
    assert tail(path, 5) == ["new"]
    assert path.stat().st_mode & 0o077 == 0


def test_a_process_is_not_mistaken_for_a_later_one_with_its_pid() -> None:
    child = subprocess.Popen(["/bin/sleep", "30"])
    identity = identify(child.pid)
    assert identity is not None
    assert is_alive(identity)
    assert not is_alive(Identity(child.pid, identity.started - 1))
    child.kill()
    child.wait()
    assert not is_alive(identity)


def test_secrets_are_readable_by_their_owner_alone(tmp_path: Path) -> None:
    path = tmp_path / "credentials.json"
    write_json(path, {"a": "b"})
    assert path.stat().st_mode & 0o777 == 0o600
    assert read_json(path) == {"a": "b"}
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_with_other_things_in_it_does_not_become_a_home(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("years of work")
    home = Home(tmp_path)
    with pytest.raises(SettingInvalid, match="INTERVIEW_DATA_HOME"):
        home.prepare()
    with pytest.raises(StateConflict):
        home.empty()
    assert (tmp_path / "thesis.txt").exists()


def test_emptying_a_home_leaves_nothing_and_follows_no_link(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").touch()
    home = Home(tmp_path / "home")
    home.prepare()
    (home.path / "link").symlink_to(outside)
    home.empty()
    assert list(home.path.iterdir()) == []
    assert (outside / "kept").exists()


def test_an_unknown_process_name_is_refused_with_the_known_ones() -> None:
    with pytest.raises(InputInvalid, match="postgres, redis"):
        choose(["postgres", "redis"], only=["mysql"], without=[])
    assert choose(["postgres", "redis"], only=[], without=["redis"]) == ["postgres"]


def test_an_exit_is_told_in_words() -> None:
    assert describe_exit(3) == "ended with exit status 3"
    assert describe_exit(-9) == "killed by SIGKILL"


def test_what_outlives_its_leader_has_the_time_to_tidy_up(tmp_path: Path) -> None:
    left = tmp_path / "semaphore"
    tidy_up = f"trap '' TERM; sleep 1; rm {left}; exit"
    child = f'trap "{tidy_up}" TERM; touch {left}; while :; do sleep 0.1; done'
    script = f"({child}) & exec sleep 60"
    service = Service(
        name="x",
        argv=("/bin/sh", "-c", script),
        env={"PATH": "/usr/bin:/bin"},
        log_file=tmp_path / "x.log",
    )
    with ThreadPoolExecutor() as pool:
        managed = ManagedService(service, pool, lambda *_: None)
        deadline = time.monotonic() + 20
        while not (managed.state == "ready" and left.exists()) and time.monotonic() < deadline:
            managed.tick(can_start=True)
        managed.request_stop()
        while not managed.has_stopped() and time.monotonic() < deadline:
            time.sleep(0.02)
    assert managed.state == "stopped"
    assert not left.exists()
