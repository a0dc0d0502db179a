from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import Rules, parse, read


def nothing_wrong(_kind: str, _options: object) -> list[str]:
    return []


def test_a_whole_document() -> None:
    document = {
        "organisation": {
            "id": "acorn",
            "name": "Acorn",
            "time_zone": "Europe/Berlin",
            "as_of": datetime(2026, 7, 1, tzinfo=UTC),
        },
        "rules": {"link_hours": 4, "cost_basis": "billed"},
        "source": [{"kind": "canonical", "table": "teams", "paths": "teams.csv"}],
    }
    settings = parse(document, Path("data/acorn"), nothing_wrong)
    assert (settings.org, settings.title, settings.time_zone) == ("acorn", "Acorn", "Europe/Berlin")
    assert settings.rules == Rules(link_hours=4.0, cost_basis="billed")
    (source,) = settings.sources
    assert (source.name, source.kind, source.paths) == ("canonical-teams", "canonical", ("teams.csv",))
    assert dict(source.options) == {"table": "teams"}


def test_the_folder_names_the_organisation() -> None:
    assert parse({}, Path("data/acorn"), nothing_wrong).org == "acorn"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"organisation": {"time_zone": "Berlin"}}, "is no time zone"),
        ({"organisation": {"as_of": datetime(2026, 7, 1)}}, "has no zone"),
        ({"organisation": {"as_of": "2026-07-01"}}, "must be a time"),
        ({"organisation": {"titel": "x"}}, "no such setting"),
        ({"organisation": "acorn"}, "must be a table"),
        ({"rules": {"link_hours": 0}}, "must lie between"),
        ({"rules": {"link_hours": True}}, "must be a number"),
        ({"rules": {"cost_basis": "amortised"}}, "must be one of"),
        ({"rules": {"level": 1.5}}, "must lie between"),
        ({"sources": []}, "Did you mean 'source'"),
        ({"source": [{"paths": ["a"]}]}, "no kind"),
        ({"source": [{"kind": "git", "paths": [1]}]}, "every entry must be text"),
        ({"source": [{"kind": "git"}, {"kind": "git"}]}, "there 2 times"),
    ],
)
def test_what_cannot_be_used_is_said(document: dict[str, object], says: str) -> None:
    with pytest.raises(SettingsError, match=says):
        parse(document, Path("data/acorn"), nothing_wrong)


def test_all_problems_are_listed_together() -> None:
    document = {
        "organisation": {"time_zone": "Berlin"},
        "rules": {"level": 3},
        "source": [{"kind": "x", "colour": "red"}],
    }
    with pytest.raises(SettingsError) as caught:
        parse(document, Path("data/acorn"), lambda kind, options: [f"{kind} does not know {', '.join(options)}"])
    text = str(caught.value)
    assert "3 problem(s)" in text
    assert all(part in text for part in ("time_zone", "level", "source 'x': x does not know colour"))


@pytest.mark.parametrize(
    ("content", "says"), [(None, r"no settings\.toml"), (b"[a", "is not TOML"), (b"\xff", "is not TOML")]
)
def test_an_unreadable_file(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "settings.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=says):
        read(tmp_path, nothing_wrong)
