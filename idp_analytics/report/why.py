"""Why: what people write, beside what they rate and what is measured, area by area; and why people left."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import polars as pl

from idp_analytics.answers import Verdict
from idp_analytics.charts import parts
from idp_analytics.charts.wording import NOTHING, count, interval, named, quantity
from idp_analytics.metrics import by_name
from idp_analytics.metrics.theme_links import METRICS
from idp_analytics.metrics.themes import ANY
from idp_analytics.report import cells, voice, words
from idp_analytics.report.maturity import listed
from idp_analytics.report.section import Section
from idp_analytics.report.slices import where
from idp_analytics.report.view import View

QUESTION = "Why is that so?"
SHARE = "share of comments"
NAMED_FROM = 0.1
"""A theme that fewer than one comment in ten has is not taken for what people say."""

ASK = "got worse and hardly written of (ask why)"
INSTRUMENT = "often written of and not measured (measure it)"
BOTH = "often written of, and its number or rating got worse"
DISAGREE = "measured better but rated low (ask what the number misses)"
STANDING = "often written of and rated low, with no change of its number"
QUIET = "nothing stands out"


def why(view: View) -> Section:
    """Each area: how many comments name it, how it is rated, what its metric did, and which of the two is missing."""
    overall, rows = _told(view)
    shown = [row for row in rows if row["theme"] is not None and row["share"] is not None]
    return Section(
        question=QUESTION,
        answer=" ".join(_answer(view, overall, rows)),
        chart=parts.chart(
            [{"label": row["title"], **{c: row[c] for c in ("share", "low", "high")}, "n": row["k"], "quiet": row["is_sound"] is not True} for row in shown],
            f"What comments are about, wave {named(overall[0]['wave'])}", view.name, SHARE, ("told well", "not told well enough"),
        )
        if shown and overall
        else None,
        tables=tuple(
            table
            for table in (
                cells.table("What people write, rate and meet, by area", map(_row, rows), left=("What the metric did", "So")),
                cells.table("How well the codebook tells each theme", map(_quality, view.mart.studies["theme_quality"].to_dicts())),
                cells.table("Words that comments without a theme share (no themes: somebody must read and name them)", _lists(view)),
                cells.table("Why people left", _left(view)),
            )
            if table.height
        ),
        cautions=tuple(_cautions(view, overall, rows)),
    )  # fmt: skip


def in_short(view: View) -> list[str]:
    """What follows from words and numbers together, as one sentence; empty where there are too few comments or nothing stands out."""
    overall, rows = _told(view)
    told = list(_follows(rows))
    if not told or not overall or overall[0]["n"] is None:
        return []
    said = "; ".join(f"{one[:1].lower()}{one[1:]}" for one in told)
    return [f"{count(overall[0]['n'], 'comment')} beside ratings and numbers: {said}."]


def _told(view: View) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """The row of all comments of the wave, and a row per area."""
    told = _themes(view)
    return where(told, theme=ANY).to_dicts(), list(_areas(view, told)) if told.height else []


def _themes(view: View) -> pl.DataFrame:
    """The themes of the organisation's comments in the wave that the section on what people say is about."""
    last = voice.wave(view).select("survey_id", "wave").unique()
    return view.own("themes").join(last, on=["survey_id", "wave"])


def _areas(view: View, told: pl.DataFrame) -> Iterator[dict[str, Any]]:
    """One row per theme, the most frequent first, with the rating and the metric of its area; then areas rated but not in the codebook."""
    quality = {row["theme"]: row for row in view.mart.studies["theme_quality"].to_dicts()}
    links = {
        row["theme"]: row
        for row in view.mart.studies["theme_links"]
        .join(told.select("survey_id", "wave").unique(), on=["survey_id", "wave"])
        .to_dicts()
    }
    rated = {
        row["subject"]: row
        for row in voice.wave(view).filter(pl.col("kind") == "scale", pl.col("subject").is_not_null()).to_dicts()
    }
    themes = (
        told.filter(pl.col("theme") != ANY).sort("share", "theme", descending=[True, False], nulls_last=True).to_dicts()
    )
    named_areas = {row["subject"] for row in themes}
    rest = [
        {"theme": None, "title": row["title"], "subject": subject, "share": None, "k": None}
        for subject, row in rated.items()
        if subject not in named_areas
    ]
    for row in [*themes, *rest]:
        metric = METRICS.get(row["subject"] or "")
        answer = view.row(by_name(metric)) if metric else None
        rating = rated.get(row["subject"])
        sound = quality.get(row["theme"], {}).get("is_sound")
        yield {
            **row, "is_sound": sound, "rating": rating, "metric": answer, "link": links.get(row["theme"]),
            "so": _so(row["share"], sound, rating, answer),
        }  # fmt: skip


def _so(share: float | None, sound: bool | None, rating: dict[str, Any] | None, metric: dict[str, Any] | None) -> str:
    """What follows: an area that people name without a number for it, one whose number got worse without a word, both, or neither."""
    named_often = share is not None and share >= NAMED_FROM and sound is not False
    measured = metric is not None and metric["verdict"] not in (
        Verdict.NOT_MEASURED.value,
        Verdict.INSUFFICIENT_DATA.value,
    )
    verdicts = {row["verdict"] for row in (rating, metric) if row is not None}
    is_low = rating is not None and rating["share"] is not None and rating["share"] < 0.5
    if named_often and not measured:
        return INSTRUMENT
    if Verdict.WORSENED.value in verdicts:
        return BOTH if named_often else ASK
    if named_often and is_low:
        return DISAGREE if metric is not None and metric["verdict"] == Verdict.IMPROVED.value else STANDING
    return QUIET


# --- in words ------------------------------------------------------------------------------------------------------------


def _answer(view: View, overall: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Iterator[str]:
    if not overall or overall[0]["n"] is None:
        least = 2 * view.mart.meta["rules"]["min_cohort"]
        yield f"No wave that had closed has {least} comments of this group, so nothing is said about reasons."
        return
    row = overall[0]
    yield (
        f"Of {count(row['n'], 'comment')} in the wave {named(row['wave'])}, {row['k']:,} have a theme of the codebook ({quantity(row['share'], SHARE)})."
    )
    often = [one for one in rows if one["share"] is not None and one["is_sound"] is not False][:2]
    if often:
        yield f"Named most, in {count(row['n'], 'comment')}: " + "; ".join(
            f"{named(one['title'])}, by {quantity(one['share'], SHARE)} ({words.level(one)} {interval(one['low'], one['high'], SHARE, one['share'])})"
            for one in often
        ) + "."  # fmt: skip
    for told in _follows(rows):
        yield f"{told}."
    if rows and all(one["so"] == QUIET for one in rows):
        yield "No area stands out by what is written, rated or measured."


def _follows(rows: list[dict[str, Any]]) -> Iterator[str]:
    """What follows, each with the areas it follows for."""
    for so in (BOTH, ASK, INSTRUMENT, DISAGREE, STANDING):
        titles = [named(one["title"]) for one in rows if one["so"] == so]
        if titles:
            yield f"{so.capitalize()}: {', '.join(titles)}"


def _row(row: dict[str, Any]) -> dict[str, str]:
    rating, metric, link = row["rating"], row["metric"], row["link"]
    rated = rating is not None and rating["share"] is not None
    lower = link is not None and link["lower"] is not None
    return {
        "Area": named(row["title"]),
        "In comments": NOTHING if row["share"] is None else quantity(row["share"], SHARE),
        "Interval": NOTHING if row["share"] is None else interval(row["low"], row["high"], SHARE, row["share"]),
        "Rated favourably": f"{quantity(rating['share'], SHARE)} of {rating['n']:,}" if rated else NOTHING,
        "Rates it lower who writes of it": f"{quantity(link['lower'], 'share')} ({interval(link['lower_low'], link['lower_high'], 'share')})"
        if lower
        else NOTHING,
        "What the metric did": NOTHING if metric is None else f"{by_name(metric['metric']).title}: {cells.verdict(metric['verdict'])}",
        "Across teams": f"rho {link['rho']:+.2f}, q {link['q']:.2f}, {link['teams']:,} teams".replace("-", "−")
        if link is not None and link["rho"] is not None
        else NOTHING,
        "So": row["so"],
    }  # fmt: skip


def _quality(row: dict[str, Any]) -> dict[str, str]:
    return {
        "Theme": named(row["title"]),
        "Read by two (n)": f"{row['n']:,}",
        "Precision": _bounded(row, "precision"),
        "Recall": _bounded(row, "recall"),
        "Alpha": NOTHING
        if row["alpha"] is None
        else f"{row['alpha']:.2f} ({row['alpha_low']:.2f} to {row['alpha_high']:.2f})",
        "Told well": {True: "yes", False: "no", None: "not measured"}[row["is_sound"]],
    }


def _bounded(row: dict[str, Any], name: str) -> str:
    if row[name] is None:
        return NOTHING
    return f"{quantity(row[name], 'share')} ({interval(row[f'{name}_low'], row[f'{name}_high'], 'share', row[name])})"


def _lists(view: View) -> Iterator[dict[str, str]]:
    for row in view.mart.studies["uncoded"].drop_nulls("group").to_dicts():
        yield {
            "Words": ", ".join(named(word) for word in row["words"]), "Comments": f"{row['k']:,} of {row['n']:,}", "Stability": f"{row['stability']:.2f}",
        }  # fmt: skip


def _left(view: View) -> Iterator[dict[str, str]]:
    found = view.own("exit_reasons").filter(pl.col("year_end") <= view.period.end)
    last = found.filter(pl.col("year_end") == pl.col("year_end").max(), ~pl.col("is_withheld"))
    for row in last.sort("share", "reason", descending=[True, False]).to_dicts():
        yield {
            "Reason": named(row["reason"]),
            "Given by": quantity(row["share"], "share"),
            words.level(row).capitalize(): interval(row["low"], row["high"], "share", row["share"]),
            "k": f"{row['k']:,}",
            "Interviewed (n)": f"{row['n']:,} of {row['left']:,} who left",
            "Year from": f"{row['year_start']:%Y-%m}",
        }  # fmt: skip


def _cautions(view: View, overall: list[dict[str, Any]], rows: list[dict[str, Any]]) -> Iterator[str]:
    if not overall or overall[0]["n"] is None:
        return
    yield (
        f"Themes are told by the words of a codebook (version {overall[0]['version']}); no comment is shown, and no mood is read into one; the rows behind it are what single people wrote and rated, and are not shown. "
        "What goes together here is associated, not caused: the same people wrote and rated, and what holds of teams need not hold of people."
    )
    themes = [row for row in rows if row["theme"]]
    unread = [named(row["title"]) for row in themes if row["is_sound"] is None]
    if unread:
        which = "the themes" if len(unread) == len(themes) else listed(unread)
        yield f"How well the codebook tells {which} is not measured: let two people read the same comments (table comment_codes)."
    badly = [named(row["title"]) for row in rows if row["theme"] and row["is_sound"] is False]
    if badly:
        yield f"Not told well enough to be a reason: {', '.join(badly)}. Mend the words, or let more comments be read by two people."
    left = view.mart.studies["uncoded"].filter(pl.col("n").is_not_null()).head(1).to_dicts()
    if left and left[0]["group"] is None:
        how = "too few to be searched for words they share" if left[0]["stability"] is None else (
            f"and what they share is not stable ({left[0]['stability']:.2f})"
        )  # fmt: skip
        yield f"{count(left[0]['n'], 'comment')} of all waves have no theme, {how}: read them."
