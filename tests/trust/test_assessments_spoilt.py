"""What is brought in of self-assessments: whatever a file or an address holds, one message of ours, and the file of answers stays whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from idp_analytics import sources
from idp_analytics.assess.importing import TARGET, Import, bring_in
from idp_analytics.errors import SourceError
from idp_analytics.settings import read

ADDRESS = "https://assess.invalid/?" + "&".join(
    f"{aspect}_{number}=2"
    for aspect in ("investment", "adoption", "interfaces", "operations", "measurement")
    for number in range(1, 5)
)


def brought(folder: Path, *given: str, questions: Path | None = None, **options: object) -> Import:
    (folder / "settings.toml").write_text('[organisation]\nid = "small"\n')
    return bring_in(given, read(folder, sources.check), options, questions)


@pytest.mark.parametrize(
    "there",
    [b'assessment_id,item_id\n"a,b\n', b"assessment_id,item_id\na\n", b"assessment_id,item_id\na,b,c,d\n", b"\n\n", b"x", b"PAR1", b"\xff\xfe\x00"],
    ids=["open quotation mark", "too few fields", "too many fields", "blank lines", "another file", "Parquet", "UTF-16"],
)  # fmt: skip
def test_answers_that_are_there_and_cannot_be_read_are_not_written_over(tmp_path: Path, there: bytes) -> None:
    """Polars' own error came out."""
    (tmp_path / TARGET).write_bytes(there)
    with pytest.raises(SourceError, match=r"assessments\.csv: "):
        brought(tmp_path, ADDRESS)
    assert (tmp_path / TARGET).read_bytes() == there


@pytest.mark.parametrize(
    "address",
    [
        "https://[xx",
        "https://assess.invalid/?" + "a=b&" * 100_000,
        "x://?",
        "https://assess.invalid/?investment_1=\ud800",
    ],
)
def test_an_address_that_is_none_is_refused_by_itself(tmp_path: Path, address: str) -> None:
    done = brought(tmp_path, address)
    assert [one.answers for one in done.files] == [0]
    assert done.files[0].refused


@pytest.mark.parametrize(
    "questions",
    ["Category,Question,L1,L2,L3,L4\nx,q,a,b,c,d\n,q2,a,,,\n", "Category,Question,L1,L2,L3,L4\n,,,,,\n", "[]", "a: !!bool x", "categories: 3",
     "categories: [{questions: [{field_name: [], text: {}, options: [{value: 1, level: 2}]}]}]"],
)  # fmt: skip
@pytest.mark.parametrize("name", ["questions.csv", "questions.yaml"])
def test_questions_in_any_state_refuse_the_answers_and_nothing_else(tmp_path: Path, questions: str, name: str) -> None:
    """A row without a category ended with an AttributeError."""
    (tmp_path / name).write_text(questions)
    (tmp_path / "answers.csv").write_text("Timestamp,q,q2\n2026-01-01T00:00:00Z,a,a\n")
    (told,) = brought(tmp_path, str(tmp_path / "answers.csv"), questions=tmp_path / name).files
    assert told.refused or told.answers


def test_rows_that_are_there_without_an_id_are_no_news(tmp_path: Path) -> None:
    """They were counted as new every time."""
    (tmp_path / TARGET).write_text('assessment_id,item_id,answer\n"","",""\nb,x,2\n')
    done = [brought(tmp_path, ADDRESS, team="payments", as_of=datetime(2026, 6, 20, tzinfo=UTC)) for _ in range(2)]
    assert [(one.new, one.changed) for one in done] == [(20, 0), (0, 0)]
