"""What groups of respondents answered, counted, and how much of it each group may show (:mod:`idp_analytics.estimates.disclosure`).

Groups are the organisation and the teams in it; who is of no known team is one more group that is always withheld. A group
shows one of three things of a question:

* *answers*: how many gave each answer, from twice ``rules.min_cohort`` answers;
* *favourable*: how many answers were favourable, from ``rules.min_cohort``, and below twice that only if some were and some not;
* *withheld*: nothing.

Everything else that is said of a group (shares, medians, scores, changes) is worked out from these counts and nothing else,
so it tells no more than they do. What rests on how the same people answered several questions (the index and alpha, what goes with
satisfaction) is told of groups that show *answers* to all of them, in intervals and coefficients and never as counts of both.
"""

from __future__ import annotations

import polars as pl

from idp_analytics.estimates import disclosure
from idp_analytics.metrics.survey_waves import ORDERED, WAVE
from idp_analytics.settings import Settings

ANSWERS, FAVOURABLE, WITHHELD = "answers", "favourable", "withheld"

ANOTHER = "another answer"
"""Given answers that are none of those asked for and that few gave: what somebody typed is a verbatim, not an option."""

_TABLE = [*WAVE, "question_id", "option"]
_ORG, _NOBODYS = "\0org", "\0none"  # no team id has a zero byte: files with one are not read
_PROMOTER_BANDS = ((0.0, 6.0), (7.0, 8.0), (9.0, 10.0))

COUNTED: dict[str, pl.DataType | type[pl.DataType]] = {
    "survey_id": pl.String,
    "wave": pl.String,
    "question_id": pl.String,
    "option": pl.String,  # of several or one given answers; null: a question whose answers have an order
    "scope": pl.String,  # org | team
    "team_id": pl.String,  # null: the organisation, or respondents of no known team
    "detail": pl.String,  # answers | favourable | withheld
    "n": pl.Int64,  # answers; of given answers: respondents
    "k": pl.Int64,  # favourable, or who gave this answer
}
"""The columns of :func:`counted`."""

BANDS: dict[str, pl.DataType | type[pl.DataType]] = {
    "survey_id": pl.String,
    "wave": pl.String,
    "question_id": pl.String,
    "scope": pl.String,
    "team_id": pl.String,
    "answer_low": pl.Float64,
    "answer_high": pl.Float64,
    "is_favourable": pl.Boolean,
    "n": pl.Int64,
}
"""The columns of the bands of :func:`levels`."""


def full_from(settings: Settings) -> int:
    """From how many answers a group shows each of them."""
    return 2 * settings.rules.min_cohort


def counted(answers: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Answers of every group to every question with an order and every given answer (:data:`COUNTED`), withheld ones too:
    those must go no further than :func:`shown`. ``answers``: of :func:`survey_response.answers`; a team that is not ``is_open`` shows nothing."""
    return levels(answers, settings)[0]


def rated(answers: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Of :func:`counted` the groups that may show something of questions with an order (*favourable* at least), for less work."""
    groups = _by_side(_in_order(answers))
    told = disclosure.shown(groups, ["k", "other"], _TABLE, settings.rules.min_cohort, mixed_below=full_from(settings))
    return _named(told.filter("is_shown").with_columns(pl.lit(FAVOURABLE).alias("detail")))


def padded(counts: pl.DataFrame, teams: pl.DataFrame) -> pl.DataFrame:
    """``counts`` with a withheld row of each of ``teams`` (:data:`WAVE`, ``team_id``) that has none: that a team is missing would say
    that nobody in it answered, and of a team of one, that it is there, who did."""
    asked = counts.select(_TABLE).unique()
    mine = counts.filter(pl.col("scope") == "team").select(*_TABLE, "team_id")
    silent = teams.join(asked, on=list(WAVE)).join(mine, on=[*_TABLE, "team_id"], how="anti", nulls_equal=True)
    rows = silent.with_columns(
        pl.lit("team").alias("scope"),
        pl.lit(WITHHELD).alias("detail"),
        pl.lit(None).alias("n"),
        pl.lit(None).alias("k"),
    )
    return pl.concat([counts, rows.select(pl.col(name).cast(dtype) for name, dtype in COUNTED.items())])


def shown(counts: pl.DataFrame) -> pl.DataFrame:
    """``counts`` with no number where they are withheld."""
    is_shown = pl.col("detail") != WITHHELD
    return counts.with_columns(pl.when(is_shown).then(pl.col("n", "k")))


def levels(answers: pl.DataFrame, settings: Settings) -> tuple[pl.DataFrame, pl.DataFrame]:
    """What :func:`counted` says of ``answers``; and how many of each group that may show *answers* gave which (:data:`BANDS`), answers ascending.

    An answer that hardly anybody in the organisation gave is put together with the next one towards the middle, on the same
    side, until none is empty: where nobody gave an answer, nobody in a withheld team did. Promoter scales have three bands.
    """
    least, full = settings.rules.min_cohort, full_from(settings)
    ordered, bands = _ordered(answers)
    ordered = disclosure.shown(ordered, ["k", "other"], _TABLE, least, mixed_below=full)
    wide = [name for name in bands.columns if name.startswith("band_")]
    is_mixed = (pl.col("k") > 0) & (pl.col("other") > 0)
    detailed = disclosure.shown(
        ordered.join(bands, on=[*_TABLE, "group"], how="left", nulls_equal=True).with_columns(
            may="is_shown", spreads=~pl.col("is_shown") | is_mixed
        ).drop("is_shown"),
        wide, _TABLE, full,
    ).select(pl.col("is_shown").alias("_full"))  # fmt: skip
    ordered = pl.concat([ordered, detailed], how="horizontal")
    both = _named(ordered.with_columns(_detail().alias("detail")))
    counts = pl.concat([
        both, of_hits(_given(answers, "several", settings), settings), _of_one(_given(answers, "choice", settings), settings),
    ])  # fmt: skip
    counts = counts.sort(*_TABLE, "scope", "team_id", nulls_last=False)
    return counts, _shown_bands(counts, _long(bands, answers))


def _shown_bands(counts: pl.DataFrame, bands: pl.DataFrame) -> pl.DataFrame:
    """``bands`` of the groups that may show *answers*, and of no others."""
    full = counts.filter(pl.col("detail") == ANSWERS, pl.col("option").is_null())
    return (
        bands.join(full.select(*WAVE, "question_id", "scope", "team_id"), on=[*WAVE, "question_id", "scope", "team_id"], nulls_equal=True)
        .select(pl.col(name).cast(dtype) for name, dtype in BANDS.items())
        .sort(*WAVE, "question_id", "scope", "team_id", "answer_low", nulls_last=False)
    )  # fmt: skip


def of_hits(rows: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """Of every group, how many people chose or said something of their own accord (:data:`COUNTED`).

    ``rows``: one per person and ``option``, with ``response_id``, ``survey_id``, ``wave``, ``team_id``, ``is_open``, ``question_id`` and ``hit``.
    Shown from twice ``rules.min_cohort`` people only: that nobody of few said a thing tells of each. How many people a group holds is
    the same for every option, so that the groups of which that is withheld are withheld from all.
    """
    hit = pl.col("hit")
    groups = _groups(rows, _TABLE, hit.sum().cast(pl.Int64).alias("k"), (~hit).sum().cast(pl.Int64).alias("other"))
    question = [*WAVE, "question_id"]
    people = groups.with_columns((pl.col("k") + pl.col("other")).alias("people")).unique(
        [*question, "group"], keep="first", maintain_order=True
    )
    counted = disclosure.shown(people, ["people"], question, full_from(settings)).filter("is_shown")
    groups = groups.join(counted.select(*question, "group", "is_shown"), on=[*question, "group"], how="left").with_columns(
        may=pl.col("is_shown").fill_null(False)
    ).drop("is_shown")  # fmt: skip
    told = disclosure.shown(groups, ["k", "other"], _TABLE, full_from(settings))
    found = told.with_columns(pl.col("is_shown").alias("_full")).with_columns(_detail().alias("detail"))
    return _named(found).sort(*_TABLE, "scope", "team_id", nulls_last=False)


def _detail() -> pl.Expr:
    return pl.when("_full").then(pl.lit(ANSWERS)).when("is_shown").then(pl.lit(FAVOURABLE)).otherwise(pl.lit(WITHHELD))


def _named(groups: pl.DataFrame) -> pl.DataFrame:
    return groups.with_columns(
        pl.when(pl.col("group") == _ORG).then(pl.lit("org")).otherwise(pl.lit("team")).alias("scope"),
        pl.when(~pl.col("group").is_in([_ORG, _NOBODYS])).then("group").alias("team_id"),
        (pl.col("k") + pl.col("other")).alias("n"),
    ).select(pl.col(name).cast(dtype) for name, dtype in COUNTED.items())


def _groups(frame: pl.DataFrame, by: list[str], *counts: pl.Expr) -> pl.DataFrame:
    """``counts`` of each team and of the organisation, with what :func:`disclosure.shown` needs to know of a group."""
    team = pl.col("team_id").fill_null(_NOBODYS)
    parts = frame.group_by(*by, team.alias("group")).agg(*counts, pl.col("is_open").all().alias("may")).with_columns(
        pl.lit(_ORG).alias("whole"), may=(pl.col("group") != _NOBODYS) & pl.col("may")
    )  # fmt: skip
    whole = (
        frame.group_by(by)
        .agg(*counts)
        .with_columns(pl.lit(_ORG).alias("group"), pl.lit(None, pl.String).alias("whole"), pl.lit(True).alias("may"))
    )
    return pl.concat([whole.select(parts.columns), parts]).with_columns(pl.lit(True).alias("spreads"))


def _in_order(answers: pl.DataFrame) -> pl.DataFrame:
    return answers.filter(
        pl.col("kind").is_in(ORDERED), pl.col("value").is_not_null(), pl.col("is_favourable").is_not_null()
    ).with_columns(pl.lit(None, pl.String).alias("option"))


def _by_side(rated: pl.DataFrame) -> pl.DataFrame:
    good = pl.col("is_favourable")
    return _groups(rated, _TABLE, good.sum().cast(pl.Int64).alias("k"), (~good).sum().cast(pl.Int64).alias("other"))


def _ordered(answers: pl.DataFrame) -> tuple[pl.DataFrame, pl.DataFrame]:
    """Groups of questions whose answers have an order; and the same with one column per band."""
    rated = _in_order(answers)
    groups = _by_side(rated)
    places = rated.join(_bands(rated), on=["survey_id", "wave", "question_id", "value"])
    counts = _groups(places, [*_TABLE, "band"], pl.len().cast(pl.Int64).alias("n"))
    per_band = places.select(*_TABLE, "band").unique()
    all_of = groups.select(*_TABLE, "group").join(per_band, on=_TABLE, nulls_equal=True)
    filled = all_of.join(
        counts.select(*_TABLE, "band", "group", "n"), on=[*_TABLE, "band", "group"], how="left", nulls_equal=True
    )
    wide = filled.with_columns(pl.col("n").fill_null(0), pl.format("band_{}", "band").alias("band")).pivot(
        on="band", index=[*_TABLE, "group"], values="n", aggregate_function="first"
    )
    if wide.width == len(_TABLE) + 1:
        wide = wide.with_columns(pl.lit(None, pl.Int64).alias("band_0"))
    return groups, wide.with_columns(pl.col("option").cast(pl.String))


def _bands(rated: pl.DataFrame) -> pl.DataFrame:
    """Which band each possible answer belongs to: ``value``, ``band``, ``answer_low``, ``answer_high`` per question and wave."""
    by = ["survey_id", "wave", "question_id"]
    asked = rated.group_by(by).agg(
        pl.col("kind").first(), pl.col("low", "high", "favourable").first(),
        pl.col("value").min().alias("_least"), pl.col("value").max().alias("_most"),
    )  # fmt: skip
    low, high = (pl.min_horizontal("low", "_least").floor(), pl.max_horizontal("high", "_most").ceil())
    possible = (
        asked.with_columns(pl.int_ranges(low.cast(pl.Int64), high.cast(pl.Int64) + 1).alias("value"))
        .explode("value", empty_as_null=True)
        .with_columns(pl.col("value").cast(pl.Float64))
    )
    # Answers between whole numbers are put with the whole number below them.
    seen = rated.group_by(*by, pl.col("value").floor()).agg(pl.len().alias("n"))
    side = [*by, "_side"]
    found = (
        possible.join(seen, on=[*by, "value"], how="left")
        .with_columns(pl.col("n").fill_null(0), (pl.col("value") >= pl.col("favourable")).alias("_side"))
        .sort(*by, "value")
        .with_columns((pl.col("n") > 0).cast(pl.Int64).alias("_some"))
        .with_columns(
            # Below the cut an empty answer goes with the next one up, above it with the next one down: towards the middle.
            pl.when("_side").then(pl.col("_some").cum_sum().over(side) - 1).otherwise(
                pl.col("_some").cum_sum().over(side) - pl.col("_some")
            ).alias("_nth"),
            pl.col("_some").sum().over(side).alias("_all"),
        )
        .with_columns(pl.col("_nth").clip(0, pl.max_horizontal(pl.col("_all") - 1, 0)).alias("_nth"))
    )  # fmt: skip
    promoter = (
        pl.when(pl.col("value") <= _PROMOTER_BANDS[0][1])
        .then(0)
        .when(pl.col("value") <= _PROMOTER_BANDS[1][1])
        .then(1)
        .otherwise(2)
    )
    low_side = pl.col("_nth").filter(~pl.col("_side")).max().over(by).fill_null(-1) + 1
    plain = pl.when("_side").then(pl.col("_nth") + low_side).otherwise("_nth")
    band = pl.when(pl.col("kind") == "promoter").then(promoter).otherwise(plain)
    placed = found.with_columns(band.alias("band"))
    ends = placed.with_columns(
        pl.col("value").min().over(*by, "band").alias("answer_low"),
        pl.col("value").max().over(*by, "band").alias("answer_high"),
    )
    exact = rated.select(*by, "value").unique().with_columns(pl.col("value").floor().alias("_whole"))
    return exact.join(
        ends.select(*by, pl.col("value").alias("_whole"), "band", "answer_low", "answer_high", "favourable"),
        on=[*by, "_whole"],
    ).drop("_whole")


def options(chosen: pl.DataFrame, settings: Settings, *by: str) -> pl.DataFrame:
    """``chosen`` (``question_id``, ``response_id``, ``label``) with ``option``: the label, where it is one of the question's choices or
    as many people gave it (per ``by`` and question) as may be quoted; else :data:`ANOTHER`."""
    people = pl.col("response_id").n_unique().over(*by, "question_id", "label")
    return (
        chosen.join(_choices(settings).with_columns(pl.lit(True).alias("_asked")), on=["question_id", "label"], how="left")
        .with_columns(pl.when(pl.col("_asked").is_not_null() | (people >= full_from(settings))).then("label").otherwise(pl.lit(ANOTHER)).alias("option"))
        .drop("_asked")
    )  # fmt: skip


def _choices(settings: Settings) -> pl.DataFrame:
    rows = [
        (question.id, choice) for question in settings.questions.values() for choice in dict.fromkeys(question.choices)
    ]
    return pl.DataFrame(rows, schema={"question_id": pl.String, "label": pl.String}, orient="row")


def _given(answers: pl.DataFrame, kind: str, settings: Settings) -> pl.DataFrame:
    """Whether each person who answered a wave gave each of the given answers to its questions of a ``kind``, those nobody gave among
    them: an answer that is missing from the list would say of everybody that they did not give it."""
    given = answers.filter(pl.col("kind") == kind, pl.col("label").is_not_null())
    chosen = options(given, settings, *WAVE).select(*WAVE, "question_id", "response_id", "team_id", "option").unique()
    there = given.select(*WAVE, "question_id").unique().join(_choices(settings), on="question_id")
    asked = pl.concat([
        chosen.select(*WAVE, "question_id", "option"),
        there.select(*WAVE, "question_id", pl.col("label").alias("option")),
    ]).unique()  # fmt: skip
    everybody = answers.select(*WAVE, "response_id", "team_id", "is_open").unique(
        ["survey_id", "wave", "response_id"], keep="first", maintain_order=True
    )
    return (
        everybody.join(asked, on=list(WAVE))
        .join(chosen.with_columns(pl.lit(True).alias("hit")).drop("team_id"), on=[*_TABLE, "response_id"], how="left")
        .with_columns(pl.col("hit").fill_null(False))
    )


def together(given: pl.DataFrame, by: list[str]) -> pl.DataFrame:
    """``given`` (per ``by`` one row for each ``option`` of which people give one, ``k`` who did) with ``label``: answers that nobody gave are put
    together with the least given one, so that none of those told is empty, unless there is but one."""
    ranked = given.sort(*by, "k", "option", nulls_last=False).with_columns(
        pl.int_range(pl.len()).over(by).alias("_nth"), (pl.col("k") == 0).sum().over(by).alias("_none"), pl.len().over(by).alias("_all")
    )  # fmt: skip
    is_one = (pl.col("_none") > 0) & (pl.col("_all") - pl.col("_none") >= 2) & (pl.col("_nth") <= pl.col("_none"))
    several = pl.col("option").sort_by("k", "option", descending=[True, False]).str.join(" or ")
    return ranked.with_columns(
        pl.when(is_one).then(several.over([*by, is_one])).otherwise("option").alias("label")
    ).select(*by, "option", "label")  # fmt: skip


def _of_one(rows: pl.DataFrame, settings: Settings) -> pl.DataFrame:
    """As :func:`of_hits`, of questions to which people give one of several answers: those and *none* add up to all, so that a group shows
    every answer or nothing. Who gave two is taken as having given none; answers nobody gave are put :func:`together`."""
    question = [*WAVE, "question_id"]
    hit = pl.col("hit") & (pl.col("hit").sum().over(*question, "response_id") == 1)
    rows = rows.with_columns(hit)
    labels = together(rows.group_by(_TABLE).agg(pl.col("hit").sum().alias("k")), question)
    named = rows.join(labels, on=_TABLE)
    place = pl.format("choice_{}", pl.col("label").rank("dense").over(question) - 1)
    numbered = labels.select(*question, "label", place.alias("choice")).unique().sort(*question, "choice")
    people = _groups(
        named.group_by(*question, "response_id", "team_id", "is_open").agg((~pl.col("hit").any()).alias("none")), question,
        pl.col("none").sum().cast(pl.Int64),
    )  # fmt: skip
    names = numbered["choice"].unique().sort().to_list()
    if not names:
        return pl.DataFrame(schema=COUNTED)
    team = pl.col("team_id").fill_null(_NOBODYS)
    counts = named.join(numbered, on=[*question, "label"]).select(
        *question, "choice", pl.col("hit").cast(pl.Int64), pl.concat_list(team, pl.lit(_ORG)).alias("group")
    ).explode("group", empty_as_null=True).pivot("choice", index=[*question, "group"], values="hit", aggregate_function="sum")  # fmt: skip
    wide = people.join(counts, on=[*question, "group"])
    told = disclosure.shown(wide, ["none", *names], question, full_from(settings), secret=names)
    long = told.unpivot(
        on=names, index=[*question, "group", "none", "is_shown"], variable_name="choice", value_name="k"
    ).drop_nulls("k")
    whole = pl.col("none") + pl.col("k").sum().over(*question, "group")
    found = long.join(numbered, on=[*question, "choice"]).with_columns(
        pl.col("label").alias("option"), (whole - pl.col("k")).alias("other"), pl.col("is_shown").alias("_full")
    )  # fmt: skip
    return _named(found.with_columns(_detail().alias("detail"))).sort(*_TABLE, "scope", "team_id", nulls_last=False)


def _long(wide: pl.DataFrame, answers: pl.DataFrame) -> pl.DataFrame:
    """The bands of every group, one row each."""
    names = [name for name in wide.columns if name.startswith("band_")]
    rated = answers.filter(
        pl.col("kind").is_in(ORDERED), pl.col("value").is_not_null(), pl.col("is_favourable").is_not_null()
    )
    ends = (
        _bands(rated)
        .group_by("survey_id", "wave", "question_id", "band")
        .agg(pl.col("answer_low", "answer_high", "favourable").first())
    )
    return (
        wide.unpivot(on=names, index=[*_TABLE, "group"], variable_name="_name", value_name="n")
        .drop_nulls("n")
        .with_columns(pl.col("_name").str.strip_prefix("band_").cast(pl.Int64).alias("band"))
        .join(ends.with_columns(pl.col("band").cast(pl.Int64)), on=["survey_id", "wave", "question_id", "band"])
        .with_columns(
            (pl.col("answer_low") >= pl.col("favourable")).alias("is_favourable"),
            pl.when(pl.col("group") == _ORG).then(pl.lit("org")).otherwise(pl.lit("team")).alias("scope"),
            pl.when(~pl.col("group").is_in([_ORG, _NOBODYS])).then("group").alias("team_id"),
        )
    )  # fmt: skip
