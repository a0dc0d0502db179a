"""What is published of the sample company holds no address, no login, no pseudonym, no credential and nothing of this machine."""

from __future__ import annotations

import re
from pathlib import Path

import polars as pl
import pytest

from idp_analytics.organisation import Organisation
from idp_analytics.publish.run import RunResult

TEXTS = (".html", ".ipynb", ".json", ".csv")
PATTERNS = {
    "an e-mail address": rb"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\.(?:invalid|example|com|org|net|io|de)\b",
    "a pseudonym": rb"person:[0-9a-f]{16}|\bp-\d{4}\b",
    "a token of GitHub, GitLab, Slack or AWS": rb"\b(?:gh[pousr]_[A-Za-z0-9]{20}|github_pat_|glpat-|xox[abprs]-|AKIA[0-9A-Z]{16})",
    "a private key": rb"-----BEGIN [A-Z ]*PRIVATE KEY",
    "a signed token": rb"\beyJ[A-Za-z0-9_-]{10,}\.eyJ[A-Za-z0-9_-]{10,}\.",
    "an address with a password": rb"[a-z+]{3,20}://[^\s/:@\"'<>]+:[^\s/@\"'<>]+@",
    "a folder of this machine": rb"(?:/home/|/root/|/Users/|/tmp/|site-packages)[\w.-]",
}


@pytest.fixture(scope="module")
def files(published: RunResult) -> dict[str, bytes]:
    root = published.folder.parent
    found = [
        path
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.suffix in TEXTS and ".cache" not in path.parts
    ]
    assert len(found) > 30
    return {str(path.relative_to(root)): path.read_bytes() for path in found}


@pytest.mark.parametrize("what", PATTERNS)
def test_nothing_of_the_kind_is_published(files: dict[str, bytes], what: str) -> None:
    pattern = re.compile(PATTERNS[what])
    assert {name: found.group()[:60] for name, data in files.items() if (found := pattern.search(data))} == {}


@pytest.mark.parametrize(
    ("what", "text"),
    [
        ("an e-mail address", "<a>ada@larkspur.invalid</a>"), ("a pseudonym", "by person:0123456789abcdef"), ("a pseudonym", ">p-0012<"),
        ("a token of GitHub, GitLab, Slack or AWS", "ghp_" + "a" * 36), ("a private key", "-----BEGIN RSA PRIVATE KEY-----"),
        ("a signed token", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.x"), ("an address with a password", "postgresql://reader:pass@host/lake"),
        ("a folder of this machine", "/tmp/x"),
    ],
)  # fmt: skip
def test_the_patterns_find_what_they_are_for(what: str, text: str) -> None:
    assert re.search(PATTERNS[what], text.encode())


def test_no_frame_beside_the_pages_holds_a_person(sample: Organisation, published: RunResult) -> None:
    people = set(sample.tables["people"]["person_id"])
    assert len(people) > 50
    frames = sorted(Path(published.folder.resolve()).rglob("*.parquet"))
    assert len(frames) > 30
    for path in frames:
        for column in pl.read_parquet(path).select(pl.selectors.string()):
            assert not people.intersection(column.unique().to_list()), (path.name, column.name)
