"""What a chart is, and that every drawing is filled in, whole, and what Altair's own schema allows."""

from __future__ import annotations

import json
import runpy
import sys

import polars as pl
import pytest
from answer_building import SCRIPT, TURNED

from idp_analytics.charts import MIME, Chart, chart, templates
from idp_analytics.charts.palette import OWN, PAPER, QUIET, WARNING

KEPT = json.loads(chart.TEMPLATES.read_text(encoding="utf-8"))
FRAME = pl.DataFrame(
    {"period": ["2026-06"], "value": [1 / 3], "n": [None], "shown": [TURNED]}, schema_overrides={"n": pl.Int64}
)
WORDS = {
    name: name for name in ("own", "whole", "axis", "format", "noun")
} | {name: [name] for name in ("parts", "colours", "labels", "kinds", "shapes", "series", "risks", "gates", "lanes", "columns", "below")}  # fmt: skip


def strings(part):
    """Every string in a drawing."""
    if isinstance(part, dict):
        return [found for value in part.values() for found in strings(value)]
    if isinstance(part, (list, tuple)):
        return [found for value in part for found in strings(value)]
    return [part] if isinstance(part, str) else []


def test_no_drawing_brings_data_of_its_own():
    """They would be lost: the data of a chart take their place."""
    assert [name for name, spec in KEPT.items() if "datasets" in spec or '"values": [{' in json.dumps(spec)] == []


@pytest.fixture
def made() -> Chart:
    return chart.drawn("strip", {"answers": FRAME}, f"{SCRIPT}\n", f"{TURNED} is drawn", height=48, **WORDS)


def test_title_and_description_are_clean_text_and_stand_in_the_drawing(made):
    assert (made.title, made.description) == (SCRIPT, "PayslaP is drawn")
    assert made.spec["title"] == {"text": SCRIPT, "anchor": "start"}
    assert made.spec["description"] == made.description
    assert repr(made) == f"{SCRIPT}: PayslaP is drawn"


def test_rows_keep_null_as_null_floats_short_and_text_clean(made):
    assert made.spec["datasets"] == {
        "answers": [{"period": "2026-06", "value": 0.333333, "n": None, "shown": "PayslaP"}]
    }
    assert made.spec["height"] == 48


def test_a_drawing_leaves_that_of_the_next_as_it_was(made):
    before = json.dumps(made.spec)
    other = chart.drawn("strip", {"answers": []}, "x", "y", **{name: ["other"] if isinstance(word, list) else "other" for name, word in WORDS.items()})  # fmt: skip
    assert "other" in json.dumps(other.spec)
    assert json.dumps(made.spec) == before
    assert "other" not in json.dumps(chart.drawn("strip", {"answers": FRAME}, "x", "y", **WORDS).spec)


def test_rows_given_as_such_are_those_of_a_frame(made):
    told = chart.drawn("strip", {"answers": FRAME.to_dicts()}, "x", "y", height=48, **WORDS)
    assert told.spec["datasets"] == made.spec["datasets"]


def test_without_a_height_the_drawings_own_stands():
    assert chart.drawn("trend", {"answers": FRAME}, "x", "y", **WORDS).spec["height"] == 220


def test_it_shows_itself_as_jupyterlab_draws_it_and_gives_nothing_away_to_change(made):
    bundle = made._repr_mimebundle_()
    assert set(bundle) == {MIME, "text/plain"}
    bundle[MIME]["datasets"].clear()
    assert made.spec["datasets"]


def test_an_analyst_may_change_it(made):
    assert made.altair().properties(height=400).to_dict()["height"] == 400
    assert made.spec["height"] == 48


def test_words_are_filled_in_once_whatever_they_say():
    spec = chart.drawn(
        "trend beside", {"answers": FRAME}, "x", "y", **{**WORDS, "own": "{whole}", "whole": "{own}"}
    ).spec
    assert "['{whole}', '{own}']" in str(spec)


@pytest.mark.parametrize("name", KEPT)
def test_every_drawing_is_filled_in_and_valid_by_altairs_schema(name):
    import altair

    dataset = json.dumps(KEPT[name]).partition('"data": {"name": "')[2].partition('"')[0]
    spec = dict(chart.drawn(name, {dataset: FRAME}, "x", "y", **WORDS).spec)
    assert [text for text in strings(spec) if text.startswith("{") and text.endswith("}")] == []
    altair.Chart.from_dict(spec, validate=True)
    assert "config" not in spec  # the page knows whether it is light or dark
    assert spec["autosize"] == templates.FIT
    assert spec["width"] == templates.WIDTH


def test_the_drawings_kept_are_those_the_program_writes(tmp_path, monkeypatch):
    kept = chart.TEMPLATES.read_text(encoding="utf-8")
    monkeypatch.setattr(chart, "TEMPLATES", tmp_path / "templates.json")
    monkeypatch.delitem(sys.modules, "idp_analytics.charts.templates")
    runpy.run_module("idp_analytics.charts.templates", run_name="__main__")
    assert (tmp_path / "templates.json").read_text(encoding="utf-8") == kept, "python -m idp_analytics.charts.templates"


def luminance(colour: str) -> float:
    """Relative luminance of ``#rrggbb`` (WCAG 2.2)."""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


@pytest.mark.parametrize("paper", PAPER)
@pytest.mark.parametrize("colour", [OWN, WARNING, QUIET])
def test_colours_show_on_light_and_dark_paper(colour, paper):
    dark, light = sorted((luminance(colour), luminance(paper)))
    assert (light + 0.05) / (dark + 0.05) >= 3
