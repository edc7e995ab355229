"""Which passwords are refused, and that checking one costs the same whoever it is for."""

import asyncio
import uuid

import pytest
from argon2 import PasswordHasher

from serving.identity import passwords
from serving.identity.passwords import Passwords, broken_rule
from serving.identity.refresh_tokens import RefreshTokens
from serving.problems import Problem
from stores.errors import StateConflict
from stores.sealing import seal, unseal

EMAIL = "ada@example.com"


@pytest.mark.parametrize(
    "password",
    [
        "correct horse battery staple",
        "Ärger mit Ölpfützen",
        "пусть всегда будет солнце",
        "x7#Kq!m2@Lp9",
    ],
)
def test_a_good_password_is_taken(password: str) -> None:
    assert broken_rule(password, EMAIL) == ""


@pytest.mark.parametrize(
    ("password", "words"),
    [
        ("short", "12 to 256"),
        ("a good one, but long " * 13, "12 to 256"),
        ("aaaaaaaabbbb", "different"),
        ("abcdefghijkl", "in a row"),
        ("qwertyuiopas", "in a row"),
        ("Password2024!", "common word"),
        ("password-password", "common word"),
        # Letters of full width are letters.
        ("ＰＡＳＳＷＯＲＤ123456", "common word"),
        ("83729173552177", "digits"),
        (EMAIL, "address"),
        ("AdaExample.com", "address"),
    ],
)
def test_a_bad_password_is_refused_with_its_rule(password: str, words: str) -> None:
    assert words in broken_rule(password, EMAIL)


def test_a_check_costs_the_same_with_and_without_an_account(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    costs: list[str] = []
    verify = PasswordHasher.verify

    def spy(self: PasswordHasher, kept: str, password: str) -> bool:
        costs.append(kept.rpartition("$")[0].rpartition("$")[0])
        return bool(verify(self, kept, password))

    monkeypatch.setattr(PasswordHasher, "verify", spy)

    async def check() -> list[bool]:
        made = Passwords()
        kept = await made.hash("correct horse battery staple")
        # One that composes its accents otherwise is the same password.
        accented = await made.hash("cafe\u0301 au lait, s'il vous plaît")
        answers = [await made.is_right("wrong", each) for each in (kept, None, "!", "")]
        answers.append(await made.is_right("caf\u00e9 au lait, s'il vous plaît", accented))
        made.close()
        return answers

    assert asyncio.run(check()) == [False, False, False, False, True]
    assert costs == ["$argon2id$v=19$m=47104,t=1,p=1"] * 5


def test_who_comes_when_too_many_wait_is_sent_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(passwords, "WAITING_LIMIT", 1)

    async def two() -> list[object]:
        made = Passwords()
        work = [made.hash("correct horse"), made.hash("battery staple")]
        found = await asyncio.gather(*work, return_exceptions=True)
        made.close()
        return found

    hashed, refused = asyncio.run(two())
    assert isinstance(hashed, str)
    assert isinstance(refused, Problem)
    assert (refused.status, refused.kind.slug) == (503, "overloaded")


def test_a_refresh_token_is_ours_or_nothing() -> None:
    mine, other = RefreshTokens("a" * 32), RefreshTokens("b" * 32)
    made = mine.make(uuid.uuid4(), uuid.uuid4())
    assert mine.read(made.text) == made
    assert other.read(made.text) is None
    changed = made.text[:50] + ("A" if made.text[50] != "A" else "B") + made.text[51:]
    for text in (changed, made.text[:-1], made.text + "A", "idr_", "", "я" * len(made.text)):
        assert mine.read(text) is None


def test_what_is_sealed_opens_for_its_purpose_and_secret_alone() -> None:
    sealed = seal("a" * 32, "mail", b"content")
    assert unseal("a" * 32, "mail", sealed) == b"content"
    assert b"content" not in sealed
    for secret, purpose in (("b" * 32, "mail"), ("a" * 32, "keys")):
        with pytest.raises(StateConflict, match="AUTH_SECRET"):
            unseal(secret, purpose, sealed)
