from __future__ import annotations

import hashlib
import tomllib
from datetime import UTC, date, datetime, timedelta, timezone
from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import Mark, Rules, Settings, Target, parse, read
from idp_analytics.working_time import Calendar


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


def test_a_calendar() -> None:
    written = """
    [calendar]
    week_start = "sunday"
    working_days = ["sunday", "monday", "tuesday", "wednesday", "thursday"]
    working_hours = "08:30-16:30"
    night_hours = "23:00-06:00"
    holidays = "DE-BE"
    extra_holidays = [2026-12-24]
    no_holidays = [2026-03-08]
    shift_hours = 24
    page_dedupe_minutes = 0
    """
    calendar = parse(tomllib.loads(written), Path("acorn"), nothing_wrong).calendar
    assert (calendar.first_weekday, str(calendar.working_hours), calendar.shift_hours) == (6, "08:30-16:30", 24.0)
    days = calendar.days_off
    assert {date(2026, 5, 1), date(2026, 12, 24), date(2027, 3, 8)} <= set(days)
    assert date(2026, 3, 8) not in days
    assert parse({}, Path("acorn"), nothing_wrong).calendar == Calendar()


def test_synthetic_controls_are_asked_for_by_name() -> None:
    settings = parse({"impact": {"synthetic_control": ["auto-approve"]}}, Path("acorn"), nothing_wrong)
    assert settings.synthetic_controls == ("auto-approve",)
    assert parse({}, Path("acorn"), nothing_wrong).synthetic_controls == ()
    with pytest.raises(SettingsError, match="synthetic"):
        parse({"impact": {"synthetics": ["auto-approve"]}}, Path("acorn"), nothing_wrong)


def test_rows_are_published_unless_somebody_says_they_are_not() -> None:
    folder = Path("data/acorn")
    assert parse({}, folder, nothing_wrong).publish_rows
    assert not parse({"reports": {"rows": False}}, folder, nothing_wrong).publish_rows
    with pytest.raises(
        SettingsError, match=r"\[reports\] rows = 'no': must be (.|\n)*\[reports\] pages: no such setting"
    ):
        parse({"reports": {"rows": "no", "pages": 3}}, folder, nothing_wrong)


def test_the_folder_names_the_organisation() -> None:
    assert parse({}, Path("data/acorn"), nothing_wrong).org == "acorn"


@pytest.mark.parametrize(
    ("document", "says"),
    [
        ({"organisation": {"time_zone": "localtime"}}, "is no time zone"),
        ({"rules": {"min_cohort": 1}}, "must lie between"),
        ({"rules": {"drift_grace_days": -2}}, "must lie between"),
        ({"calendar": {"week_start": "Sun"}}, "must be one of monday"),
        ({"calendar": {"working_days": ["monday", "Fri"]}}, "'Fri' is no weekday"),
        ({"calendar": {"working_hours": "9 to 5"}}, 'is no span of hours; write e.g. "09:00-17:00"'),
        (
            {"calendar": {"working_hours": "22:00-06:00", "night_hours": "10:00-12:00"}},
            "must end on the day they begin",
        ),
        ({"calendar": {"working_hours": "06:00-14:00"}}, 'and night_hours "22:00-07:00" share time'),
        ({"calendar": {"holidays": ["DE-BE", "DE-XX"]}}, "none are known for 'DE-XX'"),
        ({"calendar": {"extra_holidays": ["2026-12-24"]}}, "every entry must be a day without quotes"),
        ({"calendar": {"shift_hours": 0}}, "must lie between"),
        ({"calendar": {"week": 1}}, "no such setting"),
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
        ({"source": [{"kind": "git", "name": "../x"}]}, "has no slash and begins with no dot"),
        ({"source": [{"kind": "git", "name": "a\\b"}]}, "has no slash and begins with no dot"),
        ({"source": [{"kind": "git", "name": ".."}]}, "has no slash and begins with no dot"),
        ({"source": {"kind": "git"}}, r"source = .*: must be a list of tables, written \[\[source\]\]"),
        ({"source": [{"kind": 3}]}, r"\[\[source\]\] 1: kind = 3: must be text in quotes\n  - source 1: no kind"),
        ({"source": [{"kind": "git", "paths": 3}]}, r"\[\[source\]\] 1: paths = 3: must be text or a list of texts"),
        (
            {"source": [{"kind": "git"}, {"kind": "git", "name": "b", "time_zone": "Mars"}]},
            r"\[\[source\]\] 2: time_zone = 'Mars': is no time zone",
        ),
        ({"organisation": {"time_zone": "../etc"}}, r"\[organisation\] time_zone = '\.\./etc': is no time zone"),
        ({"organisation": {"id": 7}}, r"\[organisation\] id = 7: must be text in quotes"),
        ({"organisation": {"titel": "x"}}, r"\[organisation\] titel: no such setting\. Known: as_of, id,"),
        ({"organisations": {}}, r"top level: organisations: no such setting\. Did you mean 'organisation'\?"),
        ({"rules": {"link_hours": "24"}}, r"\[rules\] link_hours = '24': must be a number"),
        (
            {"rules": {"environment": "prod"}},
            r"environment = 'prod': must be one of production, staging, test, development",
        ),
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
    ("entry", "name"),
    [
        ({"kind": "git"}, "git"),
        ({"kind": "canonical", "table": "teams"}, "canonical-teams"),
        ({"kind": "canonical", "table": "teams", "name": "catalogue"}, "catalogue"),
    ],
)
def test_a_source_has_the_name_it_is_given_or_says_what_it_is(entry: dict[str, object], name: str) -> None:
    (source,) = parse({"source": [entry]}, Path("acorn"), nothing_wrong).sources
    assert source.name == name
    assert (source.paths, source.time_zone) == ((), None)


def test_settings_say_what_is_not_said(tmp_path: Path) -> None:
    given = parse({}, tmp_path, nothing_wrong)
    assert (given.org, given.title, given.time_zone, given.as_of) == (tmp_path.name, tmp_path.name, "UTC", None)
    assert given.rules == Rules()
    assert parse({"organisation": {"id": "acorn"}}, tmp_path, nothing_wrong).title == "acorn"


def test_an_as_of_time_of_another_zone_is_kept_in_utc() -> None:
    at = datetime(2026, 7, 1, tzinfo=timezone(timedelta(hours=2)))
    given = parse({"organisation": {"as_of": at}}, Path("acorn"), nothing_wrong)
    assert given.as_of == at
    assert given.as_of is not None
    assert given.as_of.tzinfo is UTC


@pytest.mark.parametrize(
    ("root", "repositories", "words"),
    [
        ("/srv/data/acorn", (), ("--data", "data/acorn")),
        ("/srv/exports/acorn", (), ("--data", "acorn")),
        ("/srv/data/acorn", ("shop", "search"), ("--git", "shop", "--git", "search")),
    ],
)
def test_the_options_that_name_the_data_tell_no_path_of_the_machine(
    root: str, repositories: tuple[str, ...], words: tuple[str, ...]
) -> None:
    assert Settings("acorn", "Acorn", Path(root), repositories=repositories).asked == words


def test_a_file_is_read_and_hashed(tmp_path: Path) -> None:
    text = '[organisation]\nid = "acorn"\n[[source]]\nkind = "git"\npaths = ["a", "b"]\ntime_zone = "Asia/Tokyo"\n'
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8", newline="")
    given = read(tmp_path, nothing_wrong)
    assert given.sha256 == hashlib.sha256(text.encode()).hexdigest()
    assert (given.org, given.root) == ("acorn", tmp_path)
    assert [(s.paths, s.time_zone) for s in given.sources] == [(("a", "b"), "Asia/Tokyo")]


@pytest.mark.parametrize("written", ["utf-8", "utf-8-sig"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_how_an_editor_saves_the_file_makes_no_difference(tmp_path: Path, written: str, end: str) -> None:
    text = '[organisation]\nid = "acorn"\nname = "Äcorn"\n'.replace("\n", end)
    (tmp_path / "settings.toml").write_bytes(text.encode(written))
    assert read(tmp_path, nothing_wrong).title == "Äcorn"


@pytest.mark.parametrize("text", ["[organisation]\ncolour = 1\n", "colour = 1\n"])
def test_problems_name_the_file(tmp_path: Path, text: str) -> None:
    (tmp_path / "settings.toml").write_text(text, encoding="utf-8")
    with pytest.raises(SettingsError) as caught:
        read(tmp_path, nothing_wrong)
    assert str(caught.value).startswith(
        f"{tmp_path / 'settings.toml'}: 1 problem(s) to mend before anything is read:\n  - "
    )


@pytest.mark.parametrize(
    ("content", "says"), [(None, r"no settings\.toml"), (b"[a", "is not TOML"), (b"\xff", "is not TOML")]
)
def test_an_unreadable_file(tmp_path: Path, content: bytes | None, says: str) -> None:
    if content is not None:
        (tmp_path / "settings.toml").write_bytes(content)
    with pytest.raises(SettingsError, match=says):
        read(tmp_path, nothing_wrong)


def test_phases_and_outliers_have_a_day_and_a_cause(tmp_path: Path) -> None:
    document = tomllib.loads(
        """
        [[phase]]
        from = 2026-01-12
        cause = "new pipeline"
        metric = "change_fail_rate"
        [[outlier]]
        on = 2026-03-04
        cause = "cloud outage"
        team = "red"
        """
    )
    given = parse(document, tmp_path, nothing_wrong)
    assert given.phases == (Mark(date(2026, 1, 12), "new pipeline", "change_fail_rate"),)
    assert given.outliers == (Mark(date(2026, 3, 4), "cloud outage", team="red"),)


def test_a_phase_without_a_cause_or_with_a_time_is_told(tmp_path: Path) -> None:
    document = tomllib.loads("[[phase]]\nfrom = 2026-01-12T10:00:00Z\nwhy = 'x'\n[[outlier]]\ncause = 'storm'\n")
    with pytest.raises(SettingsError) as told:
        parse(document, tmp_path, nothing_wrong)
    for sentence in (
        "[[phase]] 1: no cause",
        "[[phase]] 1: why: no such setting.",
        "[[phase]] 1: from = 2026-01-12 10:00:00+00:00: is a time; write a day, e.g. 2026-01-12",
        "[[outlier]] 1: no on",
    ):
        assert sentence in str(told.value)


def test_targets_are_read_and_what_is_wrong_with_one_is_told(tmp_path: Path) -> None:
    document = tomllib.loads(
        """
        [[target]]
        metric = "change_fail_rate"
        value = 0
        by = 2026-12-31
        [[target]]
        metric = "change_lead_time"
        value = 24
        team = "red"
        """
    )
    assert parse(document, tmp_path, nothing_wrong).targets == (
        Target("change_fail_rate", 0.0, by=date(2026, 12, 31)),
        Target("change_lead_time", 24.0, "team", "red"),
    )
    wrong = tomllib.loads(
        "[[target]]\nvalue = -1\nscope = 'service'\n[[target]]\nmetric = 'x'\nteam = 'a'\nscope = 'org'\ngoal = 1\n"
    )
    with pytest.raises(SettingsError) as told:
        parse(wrong, tmp_path, nothing_wrong)
    for sentence in (
        "[[target]] 1: no metric",
        "[[target]] 1: value = -1: must not be negative",
        "[[target]] 1: scope = 'service': must be one of org, team",
        "[[target]] 2: no value",
        "[[target]] 2: scope = 'org' and team = 'a': leave out one of the two",
        "[[target]] 2: goal: no such setting.",
    ):
        assert sentence in str(told.value)
