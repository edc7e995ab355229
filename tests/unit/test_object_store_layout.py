"""The keys of the bucket and their lifetimes are those of the platform's data architecture."""

import json
from datetime import date
from uuid import UUID

import pytest
import yaml

from stores.errors import InputInvalid
from stores.object_store import layout
from stores.object_store.client import LIFECYCLE
from stores.settings import REPOSITORY

INTERVIEW, SESSION, QUESTION = (UUID(int=number) for number in (1, 2, 3))
ANSWER = (INTERVIEW, SESSION, QUESTION)
PLACE = f"{INTERVIEW}/{SESSION}/{QUESTION}"
DAY = date(2026, 11, 23)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (layout.raw_media(*ANSWER, "webm"), f"media/raw/{PLACE}/original.webm"),
        (layout.raw_metadata(*ANSWER), f"media/raw/{PLACE}/metadata.json"),
        (layout.compressed_video(*ANSWER), f"media/processed/{PLACE}/compressed.mp4"),
        (layout.audio(*ANSWER), f"media/processed/{PLACE}/audio.wav"),
        (layout.thumbnail(*ANSWER), f"media/processed/{PLACE}/thumbnail.jpg"),
        (
            layout.candidate_report(INTERVIEW, SESSION),
            f"reports/{INTERVIEW}/candidate_{SESSION}_report.pdf",
        ),
        (layout.summary_report(INTERVIEW), f"reports/{INTERVIEW}/summary_report.pdf"),
        (layout.database_backup(DAY), "backups/database/2026-11-23/postgresql_dump.sql.gz"),
        (layout.configuration_backup(DAY), "backups/config/2026-11-23/config_backup.tar.gz"),
        (layout.upload_chunk("u1", 0), "temp/uploads/u1/chunk_0"),
        (layout.upload_metadata("u1"), "temp/uploads/u1/metadata.json"),
    ],
)  # fmt: skip
def test_a_key_is_where_the_architecture_puts_it(key: str, expected: str) -> None:
    assert key == expected


@pytest.mark.parametrize("part", ["", "../x", "a/b", ".hidden", "a" * 129, "a b"])
def test_a_part_from_outside_cannot_lead_to_another_object(part: str) -> None:
    with pytest.raises(InputInvalid, match="upload_id"):
        layout.upload_metadata(part)


def test_lifecycle_rules_are_those_of_the_architecture_and_match_the_layout() -> None:
    rules = {rule["ID"]: rule for rule in json.loads(LIFECYCLE.read_text())["Rules"]}
    assert set(rules) == {"RawMediaRetention", "TempCleanup", "ReportsRetention"}
    assert rules["RawMediaRetention"]["Transitions"] == [
        {"Days": 30, "StorageClass": "STANDARD_IA"},
        {"Days": 90, "StorageClass": "GLACIER"},
    ]
    assert rules["TempCleanup"]["Expiration"] == {"Days": 1}
    assert rules["ReportsRetention"]["Transitions"] == [{"Days": 365, "StorageClass": "GLACIER"}]
    prefixes = {rule["Filter"]["Prefix"] for rule in rules.values()}
    assert prefixes == {layout.RAW_MEDIA, layout.TEMPORARY, layout.REPORTS}


def test_the_warehouse_moves_objects_by_the_rules_of_the_bucket() -> None:
    project = yaml.safe_load((REPOSITORY / "dbt" / "warehouse" / "dbt_project.yml").read_text())
    known = {
        rule["prefix"]: [(move["days"], move["storage_class"]) for move in rule["moves"]]
        for rule in project["vars"]["storage_transitions"]
    }
    assert known == {
        rule["Filter"]["Prefix"]: [
            (move["Days"], move["StorageClass"]) for move in rule["Transitions"]
        ]
        for rule in json.loads(LIFECYCLE.read_text())["Rules"]
        if "Transitions" in rule
    }
