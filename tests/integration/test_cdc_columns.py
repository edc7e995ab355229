"""Columns that are left out or hashed: in the snapshot, the log, lookups and verification."""

import hashlib
import hmac
from dataclasses import replace

import pytest
from fix_capture import Capture
from fix_stack import wait_until

from ingestion.cdc.treatments import parse_treatments
from stores.errors import SettingInvalid

KEY = "a key of the tests, and of nobody else"
OTHER_KEY = "another key of the tests, longer than a block of the hash: " + 20 * "long "
COLUMNS = "people.secret=exclude,people.email=hash,people.letter=hash,people.age=hash"
SECRET = "what nobody but the source may see"


def hashed(text: str, key: str = KEY) -> str:
    """What ClickHouse must hold in place of `text`."""
    return hmac.new(key.encode(), text.encode(), hashlib.sha256).hexdigest()


@pytest.fixture
def people(capture: Capture, monkeypatch: pytest.MonkeyPatch) -> Capture:
    monkeypatch.setenv("CAPTURE_HASH_KEY", KEY)
    capture.sql(
        "CREATE TABLE people (id int PRIMARY KEY, secret text NOT NULL, email text, letter text,"
        " age int NOT NULL, name text)",
        "CREATE TABLE logins (email text PRIMARY KEY, count int NOT NULL)",
    )
    capture.publish("people", "logins")
    return capture


def treat(capture: Capture, columns: str) -> None:
    capture.options = replace(capture.options, columns=parse_treatments(columns))


def everything_stored(capture: Capture) -> str:
    return str(capture.rows("SELECT toString(tuple(*)) FROM oltp_log.people"))


def test_columns_are_excluded_and_hashed_alike_in_snapshot_log_and_lookups(
    people: Capture,
) -> None:
    treat(people, COLUMNS + ",logins.email=hash")
    letter = "ж" * 20_000
    text = "(SELECT string_agg(md5(n::text), '') FROM generate_series(1, 900) n)"
    row = f"'{SECRET}', 'ann@example.org', {text}, 30, 'Ann'"
    people.sql(f"INSERT INTO people VALUES (1, {row}), (2, '{SECRET}', NULL, NULL, 31, NULL)")
    people.sql("INSERT INTO logins VALUES ('ann@example.org', 1), ('bob@example.org', 2)")
    people.settle()
    people.sql(
        f"INSERT INTO people VALUES (3, {row}), (4, '{SECRET}', '', '{letter}', 32, '')",
        # The letter is large, so the log does not repeat it: it is found by its hash.
        "UPDATE people SET name = 'Anna' WHERE id = 1",
        "UPDATE people SET id = 30, age = 40 WHERE id = 3",
        f"UPDATE people SET secret = '{SECRET} changed' WHERE id = 2",
        "UPDATE logins SET count = 5 WHERE email = 'ann@example.org'",
        "DELETE FROM logins WHERE email = 'bob@example.org'",
    )
    people.settle()

    people.assert_equal("people", "logins")
    long_text = "".join(
        hashlib.md5(str(n).encode(), usedforsecurity=False).hexdigest() for n in range(1, 901)
    )
    assert people.rows("SELECT id, email, letter, age, name FROM oltp.people ORDER BY id") == [
        (1, hashed("ann@example.org"), hashed(long_text), hashed("30"), "Anna"),
        (2, None, None, hashed("31"), None),
        (4, hashed(""), hashed(letter), hashed("32"), ""),
        (30, hashed("ann@example.org"), hashed(long_text), hashed("40"), "Ann"),
    ]
    joined = people.rows(
        "SELECT p.id, l.count FROM oltp.people p JOIN oltp.logins l ON l.email = p.email ORDER BY 1"
    )
    assert joined == [(1, 5), (30, 5)]
    assert SECRET not in everything_stored(people)
    assert "example.org" not in everything_stored(people)
    names = people.rows(
        "SELECT DISTINCT name FROM system.columns WHERE table = 'people'"
        f" AND database IN ('{people.options.target_database}',"
        f" '{people.options.target_database}_log')"
    )
    assert ("secret",) not in names
    assert ("email",) in names


def test_a_changed_configuration_or_key_reads_the_table_anew(
    people: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    people.sql(f"INSERT INTO people VALUES (1, '{SECRET}', 'ann@example.org', NULL, 30, NULL)")
    people.settle()
    assert people.rows("SELECT email FROM oltp.people") == [("ann@example.org",)]

    treat(people, COLUMNS)
    people.settle()
    people.assert_equal("people")
    assert people.rows("SELECT email FROM oltp.people") == [(hashed("ann@example.org"),)]

    monkeypatch.setenv("CAPTURE_HASH_KEY", OTHER_KEY)
    people.sql("INSERT INTO people VALUES (2, '', 'ann@example.org', NULL, 30, NULL)")
    people.settle()
    people.assert_equal("people")
    assert people.rows("SELECT DISTINCT email FROM oltp.people") == [
        (hashed("ann@example.org", OTHER_KEY),)
    ]

    treat(people, COLUMNS.replace("=hash", "=keep").replace("=exclude", "=keep"))
    people.settle()
    people.assert_equal("people")
    assert people.rows("SELECT secret, email FROM oltp.people WHERE id = 1") == [
        (SECRET, "ann@example.org")
    ]
    treat(people, "")
    people.settle()
    people.assert_equal("people")


def test_a_column_that_is_no_longer_named_is_not_shown_but_asked_about(people: Capture) -> None:
    """Neither by a later start nor by a table of that name which was made anew."""
    treat(people, COLUMNS + ",logins.email=hash")
    people.sql(f"INSERT INTO people VALUES (1, '{SECRET}', 'ann@example.org', NULL, 30, NULL)")
    people.settle()
    before = people.table("people").storage_mark
    for left in ("logins.email=hash,people.secret=exclude", "logins.email=hash"):
        treat(people, left)
        with pytest.raises(SettingInvalid, match=r"public\.people\.email.*--keep-column"):
            people.settle()
    people.sql(
        "ALTER TABLE logins RENAME TO old_logins",
        "CREATE TABLE logins (email text PRIMARY KEY)",
        "ALTER PUBLICATION cases SET TABLE people, logins",
        "INSERT INTO logins VALUES ('ann@example.org')",
    )
    treat(people, COLUMNS)
    with pytest.raises(SettingInvalid, match=r": public\.logins\.email: left out or hashed so far"):
        people.settle()
    assert people.table("people").storage_mark == before
    treat(people, COLUMNS + ",logins.email=keep")
    people.settle()
    people.assert_equal("people", "logins")
    assert SECRET not in everything_stored(people)
    assert people.rows("SELECT email FROM oltp.logins") == [("ann@example.org",)]


def test_a_treated_column_stays_treated_when_it_is_renamed_or_made_anew(people: Capture) -> None:
    treat(people, COLUMNS)
    people.sql(f"INSERT INTO people VALUES (1, '{SECRET}', 'ann@example.org', NULL, 30, NULL)")
    people.settle()
    people.start()
    people.sql(f"INSERT INTO people VALUES (0, '{SECRET}', NULL, NULL, 1, NULL)")
    wait_until(lambda: people.rows("SELECT 1 FROM oltp_log.people WHERE id = 0"), 20, "row 0")
    people.sql(
        "ALTER TABLE people RENAME COLUMN secret TO hidden",
        "ALTER TABLE people RENAME COLUMN email TO mail",
        f"INSERT INTO people VALUES (2, '{SECRET}', 'bob@example.org', NULL, 31, NULL)",
    )
    wait_until(lambda: people.rows("SELECT 1 FROM oltp_log.people WHERE id = 2"), 20, "row 2")
    people.sql(
        "ALTER TABLE people ALTER COLUMN age TYPE text USING age || ' years'",
        "ALTER TABLE people DROP COLUMN letter",
        f"INSERT INTO people VALUES (3, '{SECRET}', NULL, '7 years', NULL)",
        "ALTER TABLE people ADD COLUMN letter text NOT NULL DEFAULT 'ann@example.org'",
        f"INSERT INTO people VALUES (4, '{SECRET}', NULL, '8 years', NULL, 'ann@example.org')",
    )
    wait_until(lambda: people.rows("SELECT 1 FROM oltp_log.people WHERE id = 4"), 20, "row 4")
    people.stop()

    assert SECRET not in everything_stored(people)
    assert "example.org" not in everything_stored(people)
    assert people.rows("SELECT DISTINCT letter FROM oltp.people") == [(hashed("ann@example.org"),)]
    assert people.rows("SELECT age FROM oltp.people WHERE id = 4") == [(hashed("8 years"),)]
    # The configuration names a column that is no more, so the next start asks to correct it.
    with pytest.raises(SettingInvalid, match="people has no column secret"):
        people.settle()


@pytest.mark.parametrize(
    ("columns", "said"),
    [
        ("nobody.name=exclude", "no table public.nobody"),
        ("people.nothing=hash", "people has no column nothing"),
        ("people.id=exclude", "public.people.id is part of the key"),
    ],
)
def test_a_wrong_configuration_is_an_error_that_names_it(
    people: Capture, columns: str, said: str
) -> None:
    treat(people, columns)
    with pytest.raises(SettingInvalid, match=said):
        people.settle()


def test_hashing_without_a_key_is_an_error(
    people: Capture, monkeypatch: pytest.MonkeyPatch
) -> None:
    treat(people, "people.email=hash")
    monkeypatch.setenv("CAPTURE_HASH_KEY", "")
    with pytest.raises(SettingInvalid, match="CAPTURE_HASH_KEY: is not set"):
        people.settle()
    monkeypatch.setenv("CAPTURE_HASH_KEY", "short")
    with pytest.raises(SettingInvalid, match="fewer than 16"):
        people.settle()


def test_the_configuration_reads_names_as_postgresql_quotes_them() -> None:
    found = parse_treatments('Users.Email=hash, other."a ""b"", c"."D.e"=exclude ,')
    assert [(t.name, t.action) for t in found] == [
        ("public.users.email", "hash"),
        ('other.a "b", c.D.e', "exclude"),
    ]
    for wrong in ("users=hash", "users.email", "users.email=drop", "a.b.c.d=hash"):
        with pytest.raises(SettingInvalid, match="CAPTURE_COLUMNS"):
            parse_treatments(wrong)
