"""Evidence of what to improve first, one kind at a time: how much speaks for each area, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta

import numpy as np
import numpy.typing as npt
import polars as pl

from idp_analytics.estimates import drivers, votes
from idp_analytics.metrics import survey_groups
from idp_analytics.metrics.links import Tables
from idp_analytics.settings import Settings

Array = npt.NDArray[np.float64]

VOTES, PAIN, COMMENTS, RATINGS, TICKETS = "votes", "pain points", "comments", "ratings", "tickets"
DRAWS, SEED = 1000, 20260601
TICKET_DAYS = 90
"""Over so many days before a wave closes tickets are counted."""
EXPLAINED, CORRELATED = "share of explained variance (LMG)", "rank correlation (Spearman)"


@dataclass(frozen=True)
class Evidence:
    """One ``kind`` of evidence about ``areas``: ``value`` with ``low`` and ``high`` as it is told, ``chance`` to be one of the first two,
    ``is_separable``, and what it adds to the whole: ``pull`` and ``drawn`` (draws × areas), not below 0. ``titles``: what areas are called there;
    ``k`` of ``n`` where it is a count; ``favourable``: how an area is rated."""

    kind: str
    areas: list[str]
    titles: dict[str, str]
    value: Array
    low: Array
    high: Array
    chance: Array
    is_separable: bool
    drawn: Array
    pull: Array
    k: Array | None
    n: int
    method: str = ""
    favourable: Array | None = None


def of_wave(
    wave: pl.DataFrame, shown: pl.DataFrame, written: pl.DataFrame, mentions: pl.DataFrame, settings: Settings
) -> list[Evidence]:
    """Votes, pain points, comments and ratings of the answers to one wave, as far as the organisation may show all of each.

    Of the wave: its answers (:func:`survey_response.answers`), its comments (:func:`themes.comments`), and how many of the organisation gave each answer
    (``shown``: :func:`survey_response.levels`) and wrote of each theme (``mentions``: :func:`themes.shown`)."""
    asked = [(kind, _chosen(wave, shown, settings, part)) for kind, part in ((VOTES, "votes"), (PAIN, "pain points"))]
    given = [(kind, *one) for kind, one in asked if one is not None]
    # Both are answers of the same people, who are drawn again once for both.
    drawn = votes.drawn_again([one[-1] for one in given], SEED, DRAWS) if given else []
    chosen = [_counted(*one, settings.rules.level, again) for one, again in zip(given, drawn, strict=True)]
    found = [*chosen, _written(written, mentions, settings), _rated(wave, shown, settings)]
    return [one for one in found if one is not None]


def tickets(tables: Tables, settings: Settings, as_of: datetime, closed_on: date) -> Evidence | None:
    """Tickets by category before the wave closed; an area where a category is called so. None without any or with one category."""
    day = pl.col("created_at").dt.convert_time_zone(settings.time_zone).dt.date()
    counts = (
        tables["tickets"]
        .filter(pl.col("created_at") < as_of, day < closed_on, day >= closed_on - timedelta(days=TICKET_DAYS))
        .group_by(pl.col("category").str.to_lowercase().str.strip_chars().alias("category"))
        .len().drop_nulls("category").sort("category").collect()
    )  # fmt: skip
    if counts.height < 2:
        return None
    # Each ticket is about one thing: one row of one each.
    one_each = np.repeat(np.eye(counts.height), counts["len"].to_numpy(), axis=0)
    return _counted(TICKETS, counts["category"].to_list(), {}, one_each, settings.rules.level)


def _counted(
    kind: str, areas: list[str], titles: dict[str, str], chosen: Array, level: float, drawn: Array | None = None
) -> Evidence:
    """``chosen``: respondents (comments, tickets) × areas, 1 chosen and 0 not; ``drawn``: them drawn again (:func:`votes.drawn_again`), where that is known."""
    told = votes.voted(chosen, SEED, DRAWS, level, drawn)
    return Evidence(
        kind, areas, titles, told.share, told.low, told.high, told.top_two, told.is_separable, told.drawn, told.k, told.k, told.n,
        "share of those who answered" if kind in (VOTES, PAIN) else f"share of {kind}",
    )  # fmt: skip


def _chosen(
    wave: pl.DataFrame, shown: pl.DataFrame, settings: Settings, part: str
) -> tuple[list[str], dict[str, str], Array] | None:
    """Areas that given answers are about, which answer is about each, and all who answered the wave × areas: 1 chosen, 0 not. Of two answers about one area the more frequent counts,
    so that no number is told but those of the answers."""
    asked = wave.filter(pl.col("part") == part, pl.col("kind") == "several", pl.col("label").is_not_null())
    question = settings.questions.get(asked["question_id"].min() or "")  # type: ignore[arg-type]
    if question is None:
        return None
    # What nobody chose is no candidate, and what somebody typed is about no area.
    options = shown.filter(
        pl.col("question_id") == question.id, pl.col("k") > 0, pl.col("option") != survey_groups.ANOTHER
    )
    if options.is_empty() or not (options["detail"] == survey_groups.ANSWERS).all():
        return None
    best: dict[str, str] = {}
    for row in options.sort("k", "option", descending=[True, False]).to_dicts():
        best.setdefault(question.subjects.get(row["option"], row["option"]), row["option"])
    people = wave["response_id"].unique().sort().to_list()
    areas = sorted(best)
    place, column = {name: at for at, name in enumerate(people)}, {best[area]: at for at, area in enumerate(areas)}
    chosen = np.zeros((len(people), len(areas)))
    for person, label in (
        asked.filter(pl.col("question_id") == question.id).select("response_id", "label").unique().iter_rows()
    ):
        if label in column:
            chosen[place[person], column[label]] = 1
    return areas, best, chosen


def _written(written: pl.DataFrame, mentions: pl.DataFrame, settings: Settings) -> Evidence | None:
    """Comments by theme, of all comments, where every theme may be shown (study ``themes``)."""
    known = [theme for theme in settings.codebook.themes if theme.subject]
    if written.height < survey_groups.full_from(settings) or written["question_id"].n_unique() != 1 or len(known) < 2:
        return None
    counts = mentions.filter(pl.col("option").is_in([theme.id for theme in known]))
    if counts.is_empty() or not (counts["detail"] == survey_groups.ANSWERS).all():
        return None
    best: dict[str, str] = {}
    for row in counts.sort("k", "option", descending=[True, False]).to_dicts():
        best.setdefault(next(theme.subject or "" for theme in known if theme.id == row["option"]), row["option"])
    areas = sorted(best)
    chosen = written.sort("response_id").select(pl.col(best[area]).cast(pl.Float64) for area in areas).to_numpy()
    titles = {area: next(theme.title for theme in known if theme.id == best[area]) for area in areas}
    return _counted(COMMENTS, areas, titles, chosen, settings.rules.level)


def _rated(wave: pl.DataFrame, shown: pl.DataFrame, settings: Settings) -> Evidence | None:
    """What goes with overall satisfaction: shares of its variance where enough answered everything, else rank correlations."""
    rated = wave.filter(pl.col("kind") == "scale", pl.col("value").is_not_null())
    whole = rated.filter(pl.col("part") == "overall")
    asked = (
        rated.filter(pl.col("part") == "drivers", pl.col("subject").is_not_null())
        .select("question_id", "subject", "title")
        .unique()
    )
    asked = asked.sort("question_id").unique("subject", keep="last", maintain_order=True).sort("subject")
    here = shown.filter(pl.col("question_id").is_in([*asked["question_id"], *whole["question_id"].unique()]))
    if whole["question_id"].n_unique() != 1 or asked.height < 2 or not (here["detail"] == survey_groups.ANSWERS).all():
        return None
    wide = rated.filter(pl.col("question_id").is_in([*asked["question_id"], whole["question_id"][0]])).pivot(
        "question_id", index="response_id", values="value", aggregate_function="first"
    ).sort("response_id")  # fmt: skip
    items = wide.select(asked["question_id"].to_list()).cast(pl.Float64).fill_null(np.nan).to_numpy()
    overall = wide[whole["question_id"][0]].cast(pl.Float64).fill_null(np.nan).to_numpy()
    counts = {row["question_id"]: row["k"] / row["n"] for row in here.to_dicts()}
    favourable = np.array([counts[name] for name in asked["question_id"]])
    areas, titles = asked["subject"].to_list(), dict(asked.select("subject", "title").iter_rows())
    whole_rows = ~np.isnan(items).any(1) & ~np.isnan(overall)
    items, overall = items[whole_rows], overall[whole_rows]
    level, complete = settings.rules.level, len(items)
    if complete < survey_groups.full_from(settings):
        return None
    found = drivers.weights(items, overall, SEED, DRAWS, level)
    if found is not None:
        value, low, high, drawn, method = found.share, found.low, found.high, found.drawn, EXPLAINED
        chance, separable = found.top_two, found.is_separable
    else:
        value, low, high, _ = drivers.spearman(items, overall, level)
        drawn, method = drivers.spearman_drawn(items, overall, SEED, DRAWS), CORRELATED
        drawn = drawn[np.isfinite(drawn).all(1)]
        if len(drawn) < DRAWS / 2 or not np.isfinite(value).all():
            return None
        chance, separable = drivers.top_two(drawn, value, level)
    # As many draws as all other kinds have, those that could not be used left out.
    drawn = drawn[np.arange(DRAWS) % len(drawn)]
    room = 1 - favourable
    return Evidence(
        RATINGS, areas, titles, value, low, high, chance, separable, np.maximum(drawn, 0) * room, np.maximum(value, 0) * room,
        None, complete, method, favourable,
    )  # fmt: skip
