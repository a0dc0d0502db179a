"""A mart computed by several processes is the one that a single process makes; what goes wrong in one of them is told."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from fault_building import KilledChildren
from polars.testing import assert_frame_equal

from idp_analytics.errors import ReportError
from idp_analytics.metrics import STUDIES, SUBJECTS
from idp_analytics.organisation import Organisation
from idp_analytics.periods import parse
from idp_analytics.publish import mart_workers, rows, shelf, zygote
from idp_analytics.publish.workers import FORKS
from idp_analytics.report.mart import WITH_ROWS, Here, Mart

pytestmark = pytest.mark.skipif(not FORKS, reason="only where reports are forked")


def written(mart: Mart, folder: Path) -> dict[str, bytes]:
    assert mart.service_answers is not None
    folder.mkdir(parents=True)
    mart.service_answers.write(folder.with_suffix(".parquet"))
    behind = rows.write(folder.parent, mart.rows or {}, {"payments": "payments"})
    return {path.name: path.read_bytes() for path in (*mart.write(folder), folder.with_suffix(".parquet"), *behind)}


@pytest.mark.parametrize("ahead", ["2026-06", "2026-Q1", None])
def test_rows_are_the_same_whether_they_were_foreseen_or_not(
    sample: Organisation, ahead: str | None, tmp_path: Path
) -> None:
    span = parse("2026-06")
    with mart_workers.computing(sample, 2, 0) as (_, several):
        several.answers(("1mo",), parse(ahead) if ahead else None)
        found = several.rows(span)
    asked = Here(sample).rows(span)
    assert list(found) == list(asked) == list(WITH_ROWS)
    for name, frame in asked.items():
        assert_frame_equal(found[name].cast({pl.Enum: pl.String}), frame.cast({pl.Enum: pl.String}), check_exact=True)


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


EVERY = tuple(study.name for study in STUDIES)
SOME = (*(subject[0].name for subject in SUBJECTS), "nine_in_ten", "adoption_momentum", "themes", "cost_views")


@pytest.mark.parametrize("names", [SOME, pytest.param(EVERY, marks=pytest.mark.slow)], ids=["some", "every"])
def test_the_same_mart_to_the_byte(sample: Organisation, names: tuple[str, ...], tmp_path: Path) -> None:
    asked: dict[str, Any] = {"only": names, "period": "2026-06", "rows": True}
    with mart_workers.computing(lambda: replace(sample), 2, 0) as (whose, several):
        assert isinstance(several, mart_workers.Several)
        assert all(whose.tables[name].equals(frame) for name, frame in sample.tables.items())
        found = written(Mart.of(whose, computing=several, **asked), tmp_path / "several" / "mart")
        assert not mart_workers._of_services(several.held.folder).exists()
    assert found == written(Mart.of(sample, **asked), tmp_path / "one" / "mart")


@pytest.mark.parametrize(("workers", "least"), [(1, 0), (2, 10**9)])
def test_one_worker_or_few_rows_are_computed_here(sample: Organisation, workers: int, least: int) -> None:
    with mart_workers.computing(sample, workers, least) as (whose, computing):
        assert whose is sample
        assert computing == Here(sample)


def test_without_room_for_the_tables_it_is_computed_here(sample: Organisation, monkeypatch: pytest.MonkeyPatch) -> None:
    before = open_files()

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.ipc.new_file", full)
    with mart_workers.computing(sample, 2, 0) as (whose, computing):
        assert computing == Here(whose)
    assert open_files() == before


def test_what_lies_on_the_shelf_is_gone_when_nobody_needs_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setattr("tempfile.tempdir", None)
    frame = pl.DataFrame({"a": ["x", None], "e": pl.Series(["u", "v"], dtype=pl.Enum(["v", "u"]))})
    files = shelf.put({"one": frame, "none": frame.clear()})
    assert not list(tmp_path.iterdir())
    taken = shelf.taken(files)
    shelf.drop(files)
    assert taken["one"].equals(frame) and taken["one"].schema == frame.schema
    assert taken["none"].equals(frame.clear()) and taken["none"].schema == frame.schema


def test_every_study_is_in_one_group() -> None:
    groups = mart_workers._groups([study.name for study in STUDIES])
    assert groups[: len(mart_workers.ALONE)] == [(name,) for name in mart_workers.ALONE]
    assert mart_workers.SECONDS.keys() <= {study.name for study in STUDIES}
    assert sorted(name for group in groups for name in group) == sorted(study.name for study in STUDIES)
    assert tuple(study for subject in SUBJECTS for study in subject) == STUDIES


def test_what_is_left_for_others_is_there_as_a_whole_or_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exchange, numbers = shelf.Exchange(tmp_path), pl.Categories(str(tmp_path))
    frame = pl.DataFrame({"a": ["x", None, "y"], "n": [1, 2, 3]}).with_columns(
        pl.col("a").cast(pl.Categorical(numbers))
    )
    assert exchange.left("one") is None
    exchange.leave("one", frame)
    exchange.leave("none", frame.clear())
    for name, told in (("one", frame), ("none", frame.clear())):
        found = exchange.left(name)
        assert found is not None and found.equals(told) and found.schema == frame.schema

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("pyarrow.ipc.new_file", full)
    exchange.leave("two", frame)
    assert exchange.left("two") is None
    assert sorted(path.name for path in tmp_path.iterdir()) == ["none", "one"]


class _Idle:
    """A client that begins nothing, and notes what it was asked for."""

    def __init__(self) -> None:
        self.parts: list[mart_workers._Part] = []

    def call(self, task: zygote.Task) -> zygote.Child:
        self.parts.append(task.arguments[1])
        return object.__new__(zygote.Child)


def test_what_takes_longest_is_begun_first_and_the_answers_before_all(sample: Organisation, tmp_path: Path) -> None:
    idle, held = _Idle(), mart_workers._Held({}, sample.settings, sample.as_of, tmp_path)
    several = mart_workers.Several(idle, held, 2)  # type: ignore[arg-type]
    short, long, resting = ("trend",), ("top_two", "themes"), ("maturity", "maturity_history")
    answers = mart_workers._Part(every=("1mo",))
    several._waiting += [mart_workers._Part(names) for names in (short, resting, long)] + [answers]
    several._fill()
    assert idle.parts == [answers, mart_workers._Part(long)]
    several._working.clear()
    several._waiting.append(mart_workers._Part(("reconciliation",), period="2026-06"))
    several._fill()
    assert [part.studies for part in idle.parts[2:]] == [resting, ("reconciliation",)]


def test_while_there_are_no_answers_what_they_leave_for_others_is_begun_last(
    sample: Organisation, tmp_path: Path
) -> None:
    idle, held = _Idle(), mart_workers._Held({}, sample.settings, sample.as_of, tmp_path)
    several = mart_workers.Several(idle, held, 5)  # type: ignore[arg-type]
    short, little, much, large = (
        ("cost_lines",),
        ("process_behaviour",),
        ("maturity", "maturity_history"),
        ("survey_results", "theme_links"),
    )
    answers = mart_workers._Part(every=("1mo",))
    several._waiting += [mart_workers._Part(names) for names in (large, much, little, short)] + [answers]
    several._fill()
    assert [part.studies for part in idle.parts] == [(), short, little, much, large]


@pytest.mark.parametrize("is_large", [True, False])
@pytest.mark.parametrize("given", ["", "narenas:2"])
def test_what_the_allocator_is_told_ends_with_our_word(
    given: str, is_large: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("_RJEM_MALLOC_CONF", given)
    told = mart_workers._to_the_allocator(is_large).split(",")
    assert told[: bool(given)] == [given] * bool(given)
    assert ("oversize_threshold:0" in told) == is_large
    assert f"dirty_decay_ms:{10_000 if is_large else 50}" in told


def test_the_end_is_told_once_when_the_last_studies_are_computed(sample: Organisation) -> None:
    told: list[int] = []
    with mart_workers.computing(sample, 2, 0) as (_, several):
        assert isinstance(several, mart_workers.Several)
        several.at_end = lambda: told.append(len(several._working))
        several._waiting += [mart_workers._Part((name,)) for name in ("trend", "themes")]
        several._found(("trend", "themes"))
        assert told == []  # others are still to come
        assert list(several.studies(["cost_views", "tickets"], "2026-06")) == ["cost_views", "tickets"]
    assert told in ([0], [1])


def test_what_is_raised_there_is_raised_here(sample: Organisation) -> None:
    with mart_workers.computing(sample, 2, 0) as (_, several):
        assert isinstance(several, mart_workers.Several)
        several._waiting.append(mart_workers._Part(("no_such_study",)))
        with pytest.raises(ReportError, match="There is no study 'no_such_study'"):
            several._found(("no_such_study",))


@pytest.mark.parametrize("times", [1, 2])
def test_one_that_is_killed_is_begun_again_once(sample: Organisation, times: int) -> None:
    with mart_workers.computing(sample, 2, 0) as (whose, several):
        assert isinstance(several, mart_workers.Several)
        several.client = KilledChildren(several.client, times)  # type: ignore[assignment]
        several._waiting.append(mart_workers._Part(("trend",)))
        if times == 1:
            assert several._found(("trend",))["trend"].equals(Here(whose).studies(["trend"], "")["trend"])
            return
        with pytest.raises(ReportError, match=r"computes the studies trend died twice \(exit code -9"):
            several._found(("trend",))


def test_nothing_is_left_when_the_zygote_is_killed(sample: Organisation) -> None:
    with mart_workers.computing(sample, 2, 0) as (_, several):
        assert isinstance(several, mart_workers.Several)
        process, folder = several.client.process, several.held.folder
        assert process is not None
        process.kill()
        process.wait()
        several._waiting.append(mart_workers._Part(("trend",)))
        with pytest.raises(ReportError, match="with --workers 1 all is computed by one process"):
            several._found(("trend",))
    assert not folder.exists()
