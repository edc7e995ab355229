"""Passwords: which are refused, and how one is hashed and checked (argon2id).

Belongs here: the rules and the hasher with its threads. A hash costs 46 MiB and about a tenth of a
second of a core, on purpose; so few are made at a time, and who comes when many wait is sent away.
"""

import asyncio
import base64
import re
import secrets
import unicodedata
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from argon2 import PasswordHasher, Type
from argon2.exceptions import InvalidHashError, VerificationError

from serving.problems import invalid_parameter, unavailable

LENGTH_AT_LEAST = 12
LENGTH_LIMIT = 256
DISTINCT_AT_LEAST = 5
THREADS = 2
WAITING_LIMIT = 40

# A word, whatever digits and signs were put around it, is what is guessed first.
_WORDS = """
password passwort pass passphrase qwerty qwertyuiop qwertz asdfghjkl zxcvbnm letmein welcome admin
administrator root login iloveyou monkey dragon football baseball superman batman sunshine princess
changeme secret default test interview interviews recruiter recruiting пароль йцукен qazwsx
qazwsxedc trustno starwars whatever master
"""
_COMMON_WORDS = frozenset(_WORDS.split())
_NO_LETTERS = re.compile(r"[\W\d_]+")
_RUNS = ("01234567890123456789", "abcdefghijklmnopqrstuvwxyz", "qwertyuiopasdfghjklzxcvbnm")

Value = TypeVar("Value")


def broken_rule(password: str, email: str) -> str:
    """The rule that a new password breaks, or nothing."""
    normal = normalized(password).casefold()
    word = _NO_LETTERS.sub("", normal)
    local_part, _, domain = email.casefold().partition("@")
    if not LENGTH_AT_LEAST <= len(password) <= LENGTH_LIMIT:
        return f"must have {LENGTH_AT_LEAST} to {LENGTH_LIMIT} characters"
    if len(set(normal)) < DISTINCT_AT_LEAST or any(normal in run for run in _RUNS):
        return f"must have at least {DISTINCT_AT_LEAST} different characters, and not in a row"
    if not word or _is_common(word):
        return "must be more than a common word, or than digits"
    parts = (local_part, domain, domain.partition(".")[0], email.casefold())
    if word in {_NO_LETTERS.sub("", part) for part in parts}:
        return "must not be the address"
    return ""


def normalized(password: str) -> str:
    """The same bytes for a password, whichever keyboard composed its accents."""
    return unicodedata.normalize("NFKC", password)


def _is_common(word: str) -> bool:
    """Whether it is a common word, once or several times."""
    return any(word.replace(common, "") == "" for common in _COMMON_WORDS)


class Passwords:
    """One for the application."""

    def __init__(self) -> None:
        self._hasher = PasswordHasher(
            time_cost=1, memory_cost=46 * 1024, parallelism=1, type=Type.ID
        )
        self._threads = ThreadPoolExecutor(THREADS, "password")
        self._waiting_count = 0
        # Checked where there is no account, so that the answer takes as long as with one.
        self._nobody = _nobodys_hash(self._hasher)

    async def hash(self, password: str) -> str:
        """What is kept of a password. Raises Problem 503 where too many wait."""
        return await self._run(lambda: self._hasher.hash(normalized(password)))

    async def is_right(self, password: str, kept: str | None) -> bool:
        """Whether `kept` is the hash of it. None, or what is no hash, takes as long and is not."""
        return await self._run(lambda: self._check(password, kept))

    def needs_rehash(self, kept: str) -> bool:
        """Whether it was hashed at another cost than today's."""
        return self._hasher.check_needs_rehash(kept)

    def close(self) -> None:
        """End the threads."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    def _check(self, password: str, kept: str | None) -> bool:
        try:
            if kept is not None and kept.startswith("$argon2"):
                return self._hasher.verify(kept, normalized(password))
            self._hasher.verify(self._nobody, normalized(password))
        except (InvalidHashError, VerificationError):
            return False
        return False

    async def _run(self, work: Callable[[], Value]) -> Value:
        if self._waiting_count >= WAITING_LIMIT:
            raise unavailable("Too many are signing in right now; try again.", "overloaded")
        self._waiting_count += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._waiting_count -= 1


def _nobodys_hash(hasher: PasswordHasher) -> str:
    """What no password has, at the cost of any other."""
    salt, tag = (
        base64.b64encode(secrets.token_bytes(length)).rstrip(b"=").decode()
        for length in (hasher.salt_len, hasher.hash_len)
    )
    cost = f"m={hasher.memory_cost},t={hasher.time_cost},p={hasher.parallelism}"
    return f"$argon2id$v=19${cost}${salt}${tag}"


def check_new(password: str, email: str, field: str = "password") -> None:
    """Raises Problem 422 naming the rule that a new password breaks."""
    rule = broken_rule(password, email)
    if rule:
        raise invalid_parameter(field, rule)
