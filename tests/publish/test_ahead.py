"""What reports need is begun before there is anything to make, and nothing is left of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from contextlib import closing
from pathlib import Path

import pytest
from company_building import Notebooks, at_once

from idp_analytics.organisation import Organisation
from idp_analytics.publish import ahead, library, zygote
from idp_analytics.publish.engine import Job, Outcome
from idp_analytics.publish.run import publish
from idp_analytics.publish.workers import FORKS

pytestmark = pytest.mark.skipif(not FORKS, reason="only where reports are forked")


@pytest.fixture
def begun(monkeypatch: pytest.MonkeyPatch) -> list[zygote.Client]:
    """The zygotes started, which import nothing but themselves."""
    started: list[zygote.Client] = []
    start = zygote.Client.start

    def noted(folder: Path, _: list[str], environment: dict[str, str]) -> zygote.Client:
        started.append(start(folder, [], environment))
        return started[-1]

    monkeypatch.setattr(zygote.Client, "start", noted)
    return started


def test_the_first_reports_are_made_from_what_was_begun_and_later_ones_from_another(begun: list[zygote.Client]) -> None:
    with closing(ahead.Ahead()) as engine:
        engine.begin()
        engine.begin()
        assert len(begun) == 1
        for number in (1, 2):
            with engine._next() as (client, private):
                assert client is begun[-1]
                assert len(begun) == number
                child = client.call(zygote.Task(str, (7,)))
                assert [type(child.message()), child.message()] == [zygote.Started, zygote.Returned("7")]
                child.close()
            assert client.process is not None
            assert client.process.returncode is not None
            assert not private.exists()


def test_what_nobody_has_used_is_ended(begun: list[zygote.Client]) -> None:
    with closing(ahead.Ahead()) as engine:
        engine.begin()
        (client,) = begun
        assert client.answers()
    assert client.process is not None
    assert client.process.returncode is not None
    assert not client.path.parent.exists()


def test_without_room_the_first_to_make_a_report_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(zygote.Client, "start", full)
    engine = ahead.Ahead()
    engine.begin()
    with pytest.raises(OSError, match="No space left"), engine._next():
        pass


def test_a_run_begins_ahead_only_where_it_has_something_to_make(
    organisation: Organisation, notebooks: Notebooks, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    monkeypatch.setattr(ahead.Ahead, "begin", lambda _: told.append("begun"))

    def made(_: ahead.Ahead, jobs: Sequence[Job], workers: int) -> Iterable[Outcome]:
        told.append("made")
        return at_once()(jobs, workers)

    monkeypatch.setattr(ahead.Ahead, "__call__", made)
    folder = notebooks()
    assert not publish(organisation, tmp_path / "reports", notebooks=folder).reused
    assert told == ["begun", "made"]
    assert publish(organisation, tmp_path / "reports", notebooks=folder).reused
    assert told == ["begun", "made"]


def test_the_chart_library_is_made_ahead_unless_it_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[str] = []
    monkeypatch.setattr(library, "chart_library", lambda: made.append("made") or "script")
    library.foresee(tmp_path)
    assert made == ["made"]
    assert library.keep(tmp_path).read_text() == "script"
    made.clear()
    library.foresee(tmp_path)
    assert made == []
