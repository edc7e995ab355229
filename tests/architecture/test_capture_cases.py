"""Every case of change capture has tests, and each test that the page names exists."""

import re
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[2]
PAGE = REPOSITORY / "docs" / "reference" / "capture_cases.md"
CASE_COUNT = 25


def test_every_case_names_tests_that_exist() -> None:
    rows = re.findall(r"^\| (\d+) \| .+ \| (.+) \|$", PAGE.read_text(), re.M)
    assert [int(number) for number, _ in rows] == list(range(1, CASE_COUNT + 1))
    written = "\n".join(path.read_text() for path in (REPOSITORY / "tests").rglob("test_*.py"))
    tests = set(re.findall(r"^def (test_\w+)\(", written, re.M))
    for number, named in rows:
        found = re.findall(r"`(test_\w+)`", named)
        assert found, f"case {number} names no test"
        missing = sorted(set(found) - tests)
        assert not missing, f"case {number} names tests that do not exist: {missing}"
