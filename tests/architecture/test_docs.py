"""Docs are tested: what the code declares is on a page, and the page is current."""

import re
from pathlib import Path

import pytest

from interview_data.reference import PAGES, REFERENCE

REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", sorted(PAGES))
def test_the_reference_page_says_what_the_code_says(name: str) -> None:
    page = REFERENCE / name
    assert page.exists(), "run `make docs`"
    assert page.read_text() == PAGES[name](), "the page is stale: run `make docs`"


def test_every_make_target_has_a_help_text() -> None:
    text = (REPOSITORY / "Makefile").read_text()
    phony = set(re.search(r"^\.PHONY: (.+)$", text, re.M).group(1).split())  # type: ignore[union-attr]
    helped = set(re.findall(r"^([a-z-]+):.*## \S", text, re.M))
    assert phony == helped


def test_every_install_trusts_the_certificates_of_the_system() -> None:
    text = (REPOSITORY / "Makefile").read_text()
    callers = re.findall(r"^(?:\S+ = |\t).*/uv\b.*$", text, re.M)
    assert len(callers) == 1
    assert "--system-certs" in callers[0]


def test_every_link_between_the_docs_leads_somewhere() -> None:
    pages = [REPOSITORY / "README.md", REPOSITORY / "CONTRIBUTING.md"]
    pages += sorted((REPOSITORY / "docs").rglob("*.md"))
    dead = [
        f"{page.relative_to(REPOSITORY)} -> {target}"
        for page in pages
        for target in re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", page.read_text())
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert dead == []
