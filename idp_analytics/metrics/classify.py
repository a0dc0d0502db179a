"""What a deployment was: planned work, a repair, a step back, or the same once more; and the rule that says so.

Rules are data (:data:`RULES`). They are asked in their order and the first that holds decides, so that each deployment has
one class and one reason. What the source says of itself comes first, then what was seen to run, then what words say, then
what was going on at the time.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from idp_analytics.metrics.links import Tables, repairs
from idp_analytics.metrics.remembered import Shared, remembered, shared
from idp_analytics.settings import Settings

CLASSES = ("planned", "hotfix", "revert", "rollback", "redeploy", "re-sync")
"""In the order reports show them."""

UNFINISHED = "not deployed"
"""The class of what failed, was cancelled, still runs, or whose end is not told."""

UNPLANNED = ("hotfix", "revert", "rollback")
"""Work nobody had planned."""


@dataclass(frozen=True)
class Rule:
    """One rule: ``holds`` names the column of :func:`evidence` that must be true."""

    name: str
    says: str  # the class
    holds: str
    why: str


RULES: tuple[Rule, ...] = (
    Rule("did not end in success", UNFINISHED, "is_unfinished", "nothing reached a user"),
    Rule("said to be a re-sync", "re-sync", "is_resync", "the source says it applied again what ran"),
    Rule("said to be a rollback", "rollback", "is_rollback", "the source says it put back an earlier version"),
    Rule(
        "an earlier commit or version came back", "rollback", "went_back",
        "it ran here before what was running, as V1 in V1, V2, V1",
    ),
    Rule(
        "the same commit or version as was running", "redeploy", "same_as_running",
        "nothing new: a restart, a new setting, a retry",
    ),
    Rule(
        "forward again to what was rolled back", "redeploy", "forward_again",
        "it ran here before, after what was running: nothing new",
    ),
    Rule("changes say revert", "revert", "says_revert", "at least half of its changes are reverts by flag, title or label"),
    Rule("changes say hotfix", "hotfix", "says_hotfix", "at least half of its changes are hotfixes by title, label or branch"),
    Rule("version number went down", "rollback", "version_down", "both versions are numbers and the new one is lower"),
    Rule(
        "during an incident it may repair", "hotfix", "is_repair",
        "it ended while an incident of its service, linked to an earlier deployment, was open",
    ),
    Rule("no other rule", "planned", "is_any", "nothing says it was anything else"),
)  # fmt: skip
"""Every rule, in the order they are asked."""


def classified(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Every deployment with ``class`` and ``rule``: one row per row of ``deployments``, all columns of :func:`evidence`."""
    return _decided(evidence(tables, settings))


def evidence(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Every deployment with what the rules look at: the columns of ``deployments`` and the ``holds`` of :data:`RULES`.

    A column is null where it cannot be told. ``running``: the commit, else the version, that ran here before.
    """
    mending = repairs(tables, settings).select("deployment_id", "is_repair")
    seen = _seen(tables, _sequence(tables), _words(tables, settings))
    return seen.join(mending, on="deployment_id", how="left")


@shared
def rollbacks(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """``deployment_id`` of every deployment that put back an earlier version (class *rollback*).

    As :func:`classified` says, without what only other classes need: words are looked for in the changes of deployments
    whose version number went down and of no others, and repairs, which are asked after all that makes a rollback, nowhere.
    What was a rollback rests on what ran before and on nothing later: of what was known by a moment it is what it is of all
    (:class:`Shared`), which is then asked once for all moments.
    """
    if isinstance(tables, Shared) and tables.whole is not None:
        return _of_all(tables.whole, settings).lazy()
    return _put_back(tables, settings)


@remembered
def _of_all(tables: Tables, settings: Settings) -> pl.DataFrame:
    return _put_back(tables, settings).collect()


def _put_back(tables: Tables, settings: Settings) -> pl.LazyFrame:
    sequence = _sequence(tables)
    lower = sequence.filter("version_down").select("deployment_id")
    links = tables["deployment_changes"].join(lower, on="deployment_id", how="semi")
    seen = _seen(tables, sequence, _words({**tables, "deployment_changes": links}, settings))
    decided = _decided(seen.with_columns(pl.lit(False).alias("is_repair")))
    return decided.filter(pl.col("class") == "rollback").select("deployment_id")


def _decided(evidence: pl.LazyFrame) -> pl.LazyFrame:
    first = pl.coalesce(
        pl.when(pl.col(rule.holds).fill_null(False)).then(pl.lit(number, pl.UInt8)) for number, rule in enumerate(RULES)
    )
    told = {"class": [rule.says for rule in RULES], "rule": [rule.name for rule in RULES]}
    return (
        evidence.with_columns(first.alias("_first"))
        .with_columns(pl.lit(pl.Series(texts)).gather(pl.col("_first")).alias(name) for name, texts in told.items())
        .drop("_first")
    )


def _seen(tables: Tables, sequence: pl.LazyFrame, words: pl.LazyFrame) -> pl.LazyFrame:
    """Every deployment with what ran before it and what its changes say."""
    unfinished = (pl.col("outcome") != "success") | pl.col("outcome").is_null() | pl.col("finished_at").is_null()
    return (
        tables["deployments"]
        .with_row_index("_row")
        .join(sequence.drop("deployment_id"), on="_row", how="left")
        .drop("_row")
        .join(words, on="deployment_id", how="left")
        .with_columns(unfinished.alias("is_unfinished"), pl.lit(True).alias("is_any"))
    )


def _sequence(tables: Tables) -> pl.LazyFrame:
    """Per successful deployment of a known service (``_row``: the row of ``deployments``): how what it brings stands to what ran there before.

    In one sequence are the deployments of one kind of one service to one environment, by their end. What runs is told by
    the commit, else by the version; where neither is known nothing follows. Re-syncs change nothing and are left out.
    """
    identity = pl.coalesce(pl.lit("sha:") + pl.col("sha").str.to_lowercase(), pl.lit("version:") + pl.col("version"))
    place = [_by_number(pl.col(name)).to_physical().alias(f"_{name}") for name in ("service_id", "environment", "kind")]
    places, running = [one.meta.output_name() for one in place], pl.col("running")
    known = pl.col("_what").is_not_null() & running.is_not_null()
    again = pl.col("_order") > pl.col("_first")
    follows = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in places)
    before = ("_what", "_first", *_VERSION)
    return (
        tables["deployments"].with_row_index("_row")
        .filter(
            pl.col("outcome") == "success", pl.col("finished_at").is_not_null(), pl.col("service_id").is_not_null(),
            pl.col("environment").is_not_null(), ~pl.col("is_resync").fill_null(False),
        )
        .select("_row", "deployment_id", *place, "finished_at", "version", _by_number(identity).alias("_what"))
        .join(_versions(tables), on="version", how="left")
        # One sequence after the other, so that what ran before is the row before.
        .sort(*places, "finished_at", "deployment_id")
        .with_row_index("_order")
        .with_columns(pl.col("_order").min().over([*places, "_what"]).alias("_first"))
        .with_columns(follows.fill_null(False).alias("_follows"))
        .with_columns(pl.when("_follows").then(pl.col(name).shift(1)).alias(f"{name}_before") for name in before)
        .rename({"_what_before": "running", "_first_before": "_running_first"})
        .with_columns(
            pl.when(known).then(pl.col("_what") == running).alias("same_as_running"),
            pl.when(known)
            .then(again & (pl.col("_what") != running) & (pl.col("_first") < pl.col("_running_first")))
            .alias("went_back"),
            pl.when(known)
            .then(again & (pl.col("_what") != running) & (pl.col("_first") > pl.col("_running_first")))
            .alias("forward_again"),
        )
        .with_columns(
            # A commit that ran before tells more than numbers do, and the same commit under another number is the same.
            (_lower() & ~again & ~pl.col("same_as_running").fill_null(False)).alias("version_down")
        )
        .select(
            "_row", "deployment_id", running.cast(pl.String), "same_as_running", "went_back", "forward_again", "version_down"
        )
    )  # fmt: skip


def _by_number(text: pl.Expr) -> pl.Expr:
    """The same texts, compared and sorted by number."""
    return text.cast(pl.Categorical(pl.Categories.random()))


_NUMBERED = r"^[vV]?(\d{1,6}|\d{1,9}(\.\d{1,9}){1,3})$"
"""A version that is a number, ``v12`` or ``1.4.0``. Longer whole numbers may be short commit ids and are no versions."""


_PARTS = tuple(f"_part_{n}" for n in range(4))
_VERSION = ("_dots", *_PARTS)


def _versions(tables: Tables) -> pl.LazyFrame:
    """Each different numbered version of ``deployments``, as it comes again and again: ``version``, how many ``_dots`` it has, and its parts."""
    version = pl.col("version")
    parts = version.str.extract_all(r"\d+")
    return (
        tables["deployments"]
        .select(version.unique())
        .filter(version.str.contains(_NUMBERED))
        .with_columns(
            version.str.count_matches(r"\.").alias("_dots"),
            *(
                parts.list.get(n, null_on_oob=True).cast(pl.Int64, strict=False).fill_null(0).alias(name)
                for n, name in enumerate(_PARTS)
            ),
        )
    )


def _lower() -> pl.Expr:
    """Whether one numbered version is lower than the one before with as many parts; null where that is not to be said."""
    lower = pl.lit(False)
    for part in reversed(_PARTS):
        mine, theirs = pl.col(part), pl.col(f"{part}_before")
        lower = (mine < theirs) | ((mine == theirs) & lower)
    return pl.when(pl.col("_dots") == pl.col("_dots_before")).then(lower)


def _words(tables: Tables, settings: Settings) -> pl.LazyFrame:
    """Per deployment that names changes: ``says_revert`` and ``says_hotfix`` of at least half of them.

    Half, because one hotfix that rides along with planned work does not make the deployment unplanned.
    """
    hotfix, revert = settings.rules.hotfix_words, settings.rules.revert_words
    is_revert = pl.any_horizontal(
        pl.col("is_revert").fill_null(False),
        pl.col("title").str.contains(_begins(revert)).fill_null(False),
        _labelled(revert),
    )
    is_hotfix = pl.any_horizontal(pl.col("title").str.contains(_word(hotfix)).fill_null(False), _labelled(hotfix))
    said = tables["changes"].select("change_id", is_revert.alias("_revert"), is_hotfix.alias("_hotfix"))
    return (
        tables["deployment_changes"]
        .select("deployment_id", "change_id")
        .join(said, on="change_id")
        .group_by("deployment_id")
        .agg(
            (2 * pl.col("_revert").sum() >= pl.len()).alias("says_revert"),
            (2 * pl.col("_hotfix").sum() >= pl.len()).alias("says_hotfix"),
        )
    )


def _labelled(words: Sequence[str]) -> pl.Expr:
    return pl.col("labels").list.eval(pl.element().str.contains(_word(words))).list.any().fill_null(False)


def _any(words: Sequence[str]) -> str:
    """A pattern of any of ``words``; one that is never found where there are none."""
    return "|".join(re.escape(word.strip()) for word in words) or "[^\\s\\S]"


def _word(words: Sequence[str]) -> str:
    """As a whole word, whatever its case: ``hotfix`` is in ``hotfix/login`` and ``[Hotfix] login``, not in ``hotfixes``."""
    return rf"(?i)(?:^|[^\p{{L}}\p{{N}}])(?:{_any(words)})(?:$|[^\p{{L}}\p{{N}}])"


def _begins(words: Sequence[str]) -> str:
    """At the beginning, where tools put it: ``Revert "…"``; ``Add a revert button`` reverts nothing."""
    return rf"(?i)^[^\p{{L}}\p{{N}}]*(?:{_any(words)})(?:$|[^\p{{L}}\p{{N}}])"
