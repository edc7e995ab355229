"""The house as drawn: which folders there are, and what must not be in them."""

import re
import subprocess
from pathlib import Path

import dbt.cli.main
import pytest

REPOSITORY = Path(__file__).resolve().parents[2]
PACKAGES = (
    "stores",
    "ingestion",
    "orchestration",
    "expectations",
    "operations",
    "serving",
    "interview_data",
)


def _tracked(pattern: str = "") -> list[Path]:
    listed = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", *pattern.split()],
        cwd=REPOSITORY,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
    )
    return [path for line in listed.stdout.splitlines() if (path := REPOSITORY / line).is_file()]


def test_the_required_top_level_is_there() -> None:
    required = (
        "orchestration dbt ingestion serving expectations tests workspace.yaml pyproject.toml"
    )
    missing = [name for name in required.split() if not (REPOSITORY / name).exists()]
    assert missing == []


def test_no_python_lives_under_dbt_because_it_would_hide_the_dbt_package() -> None:
    assert [path for path in _tracked("dbt") if path.suffix == ".py"] == []


def test_the_dbt_package_is_the_installed_one() -> None:
    assert REPOSITORY / "dbt" not in Path(dbt.cli.main.__file__).parents


def test_every_module_says_what_belongs_in_it() -> None:
    silent = [
        str(path.relative_to(REPOSITORY))
        for package in PACKAGES
        for path in _tracked(package)
        if path.suffix == ".py" and not path.read_text().lstrip().startswith('"""')
    ]
    assert silent == []


def test_only_the_settings_module_reads_the_environment() -> None:
    reading = re.compile(r"\bos\.(environ|getenv|putenv)\b")
    readers = [
        str(path.relative_to(REPOSITORY))
        for package in PACKAGES
        for path in _tracked(package)
        if path.suffix == ".py" and reading.search(path.read_text())
    ]
    assert readers in ([], ["stores/settings.py"])


def test_nothing_is_left_open_in_the_sources() -> None:
    marks = re.compile("|".join(("TO" + "DO", "FIX" + "ME", "Not" + "ImplementedError")))
    suffixes = {".py", ".sql", ".yml", ".sh"}
    left = [
        str(path.relative_to(REPOSITORY))
        for path in _tracked()
        if path.suffix in suffixes and marks.search(path.read_text())
    ]
    assert left == []


@pytest.mark.parametrize("name", ["installer", "platform", "development", "object_store"])
def test_every_requirement_is_pinned_with_a_hash_and_names_no_registry(name: str) -> None:
    text = (REPOSITORY / "requirements" / f"{name}.txt").read_text()
    assert not re.search(r"https?://|--(extra-)?index-url|--find-links", text)
    blocks = re.split(r"\n(?=[a-z0-9A-Z])", text.strip())
    pinned = re.compile(r"==.*--hash=sha256:", re.S)
    assert [block.splitlines()[0] for block in blocks if not pinned.search(block)] == []
