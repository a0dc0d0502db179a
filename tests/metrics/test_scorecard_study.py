"""Scorecards by hand: levels as tools count them, what is unknown between them, points that hide what could not be told, and disagreement with the data."""

from __future__ import annotations

from dataclasses import replace

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from statsmodels.stats.proportion import proportion_confint

from idp_analytics.errors import ReportError
from idp_analytics.metrics.scorecard_results import STATES, ladders, points, reached
from idp_analytics.metrics.scorecard_study import (
    CARDS,
    DISPUTES,
    RULES,
    scorecard_disputes,
    scorecard_rows,
    scorecard_rules,
    scorecards,
)
from idp_analytics.settings.scorecards import RuleSeen
from idp_analytics.tables.facts import LEVEL_SAID

AS_OF = "2026-04-01"
LEVELS = {1: "Bronze", 2: "Silver", 3: "Gold"}


def result(service, rule, state, at_level=None, on="2026-03-31", tool="backstage", card="card", **more):
    return {
        "tool": tool, "scorecard": card, "rule": rule, "resource": more.pop("resource", service), "as_of": f"{on}T06:00", "service_id": service, "state": state,
        "level_number": at_level, "level": LEVELS.get(at_level), **more,
    }  # fmt: skip


@pytest.fixture
def tables(company, as_of):
    def build(*results, services="abcdef", teams=("red",) * 6, **more):
        made = [{**row, "as_of": as_of(row["as_of"])} for row in results]
        return company(
            teams=[{"team_id": team} for team in dict.fromkeys(teams)],
            services=[{"service_id": s} for s in services],
            ownership=[{"service_id": s, "team_id": team} for s, team in zip(services, teams, strict=False) if team],
            scorecard_results=made,
            **more,
        )

    return build


@pytest.fixture
def seen(tables, settings, as_of):
    def build(study, *results, scope="org", entity="org", period="2026-03", pairs=(), **given):
        made = study(tables(*results, **given), replace(settings(), scorecard_rules=tuple(pairs)), as_of(AS_OF))
        return made.filter(scope=scope, entity_id=entity, period=period).to_dicts()

    return build


def levels(rows):
    return {row["level_name"]: (row["surely"], row["possibly"], row["n"]) for row in rows if row["level_number"]}


def test_a_level_needs_every_rule_of_it_and_below(seen):
    """a passes all; b fails a rule of Bronze, which no Silver makes good; c fails Gold; d partly passes Silver; e is exempt from Gold."""
    rows = seen(
        scorecards,
        *(result(s, r, "passed", n) for s in "acde" for r, n in (("r1", 1),)), result("b", "r1", "failed", 1),
        *(result(s, "r2", "passed", 2) for s in "abce"), result("d", "r2", "partial", 2),
        *(result(s, "r3", "passed", 3) for s in "abd"), result("c", "r3", "failed", 3), result("e", "r3", "exempt", 3),
    )  # fmt: skip
    assert levels(rows) == {"Bronze": (4, 4, 5), "Silver": (3, 3, 5), "Gold": (2, 2, 5)}
    whole = rows[0]
    assert (whole["level_number"], whole["n"], whole["unknown"], whole["points_n"]) == (None, 5, 1, None)  # f


def test_what_has_no_result_leaves_a_level_open(seen):
    """a has no result of Silver (told as unknown), b no row of it at all; both pass what there is. c fails Gold, and Silver of it is unknown too."""
    rows = seen(
        scorecards, *(result(s, "r1", "passed", 1) for s in "abc"), result("a", "r2", None, 2), result("c", "r2", None, 2), result("a", "r3", "passed", 3),
        result("b", "r3", "passed", 3), result("c", "r3", "failed", 3),
    )  # fmt: skip
    assert levels(rows) == {"Bronze": (3, 3, 3), "Silver": (0, 3, 3), "Gold": (0, 2, 3)}


def test_what_the_tool_says_of_the_whole_is_its_level(seen):
    """Cortex says Silver of a, though a rule of Bronze fails by now; b has none, which is level 0."""
    rows = seen(
        scorecards, result("a", "r1", "failed", 1, tool="cortex"), result("b", "r1", "failed", 1, tool="cortex"),
        {**result("a", LEVEL_SAID, None, 2, tool="cortex"), "score": 30.0, "score_most": 40.0}, result("b", LEVEL_SAID, None, 0, tool="cortex"),
    )  # fmt: skip
    assert levels(rows) == {"Bronze": (1, 1, 2), "Silver": (1, 1, 2)}
    assert all(row["is_told"] for row in rows if row["level_number"])
    whole = rows[0]
    assert (whole["points_n"], whole["points"], whole["points_if_none"]) == (
        1,
        0.75,
        None,
    )  # checks without points bound nothing


def test_a_service_is_as_its_worst_resource(seen):
    rows = seen(
        scorecard_rules, result("a", "r", "passed", resource="repo-1"), result("a", "r", "failed", resource="repo-2"), result("b", "r", "not_applicable", resource="b-1"),
        result("b", "r", "passed", resource="b-2"), result("c", "r", "exempt", resource="c-1"), result("c", "r", "passed", resource="c-2"), result("d", "r", None),
    )  # fmt: skip
    (row,) = rows
    assert [row[name] for name in ("n", "k", "failed", "exempt", "unknown")] == [2, 1, 1, 1, 3]  # d–f are unknown


def test_shares_have_wilsons_interval_and_partly_is_no_pass(seen):
    (row,) = seen(scorecard_rules, *(result(s, "r", "passed") for s in "abc"), result("d", "r", "partial"), result("e", "r", "failed"))  # fmt: skip
    assert (row["n"], row["k"], row["partial"], row["failed"], row["unknown"]) == (5, 3, 1, 1, 1)
    assert (row["low"], row["high"]) == pytest.approx(proportion_confint(3, 5, method="wilson"))


def test_what_is_old_gone_or_of_nobody(seen):
    """The portal's export of 20 March no longer has b; a's look at r of OpenSSF in November is too old; x is no service of ours, y nobody's."""
    results = (
        result("a", "r", "passed", 1, on="2026-03-01"), result("b", "r", "passed", 1, on="2026-03-01"), result("a", "r", "failed", 1, on="2026-03-20"),
        result("x", "r", "passed", 1, on="2026-03-20"), result(None, "r", "passed", 1, on="2026-03-20", resource="y"), result("f", "r", "passed", 1, on="2026-03-20"),
        result("a", "o", "passed", on="2025-11-30", tool="openssf"), result("b", "o", "passed", on="2026-01-15", tool="openssf"),
    )  # fmt: skip
    marked = tuple({**row, "load_id": row["as_of"]} for row in results)
    rows = seen(scorecards, *marked)
    card = {row["tool"]: row for row in rows if row["level_number"] is None}
    assert (card["backstage"]["n"], card["backstage"]["nameless"], card["openssf"]["n"]) == (2, 2, 1)  # a and f; b
    assert {row["rule"]: (row["k"], row["n"]) for row in seen(scorecard_rules, *marked)} == {"r": (1, 2), "o": (1, 1)}
    assert {row["rule"]: (row["k"], row["n"]) for row in seen(scorecard_rules, *marked, period="2026-01")} == {"o": (2, 2)}  # fmt: skip


def test_points_hide_what_could_not_be_told(seen):
    """10 × 10 and 5 × 4 of weights 10 and 5 known, 7.5 not told: the tool says 120 ÷ 15 = 8 of 10; at least 120 ÷ 22.5 = 5.33, at most (120 + 75) ÷ 22.5 = 8.67."""
    rows = seen(
        scorecards,
        *(
            result("a", rule, None if score is None else "partial", tool="openssf", card="openssf", score=score, score_most=10.0, weight=weight)
            for rule, score, weight in (("Webhooks", 10.0, 10.0), ("SAST", 4.0, 5.0), ("Signed-Releases", None, 7.5), (LEVEL_SAID, 8.0, None))
        ),
    )  # fmt: skip
    (row,) = rows
    assert (row["points_n"], row["points"], row["points_most"]) == (1, 0.8, 10.0)
    assert (row["points_if_none"], row["points_if_all"]) == (pytest.approx(120 / 225), pytest.approx(195 / 225))


def test_a_whole_that_is_not_told_is_the_mean_of_what_is(tables, settings, as_of):
    made = tables(
        result("a", "x", "partial", tool="openssf", score=4.0, score_most=10.0, weight=5.0), result("a", "y", None, tool="openssf", score_most=10.0, weight=5.0),
    )  # fmt: skip
    (row,) = scorecards(made, settings(), as_of(AS_OF)).filter(scope="org", period="2026-03").to_dicts()
    assert (row["points"], row["points_if_none"], row["points_if_all"]) == (0.4, 0.2, 0.7)


def test_disagreement_with_the_data(seen):
    """The portal passes owner of a, b and d; nobody owns d. It fails c, which has an owner; of e it says nothing."""
    given = (*(result(s, "owned", "passed") for s in "abd"), result("c", "owned", "failed"), result("e", "owned", None))
    usual = {"pairs": [RuleSeen("card", "owned", "owner")], "teams": ("red", "red", "blue", None, "red", "red")}
    (row,) = seen(scorecard_rules, *given, **usual)
    assert [row[n] for n in ("seen_as", "compared", "agree", "only_said", "only_seen", "agreement")] == ["owner", 4, 2, 1, 1, 0.5]  # fmt: skip
    assert (row["agreement_low"], row["agreement_high"]) == pytest.approx(proportion_confint(2, 4, method="wilson"))
    assert [(r["service_id"], r["is_passed"]) for r in seen(scorecard_disputes, *given, **usual)] == [("c", False), ("d", True)]  # fmt: skip
    (blue,) = seen(scorecard_rules, *given, scope="team", entity="blue", **usual)
    assert (blue["compared"], blue["only_seen"]) == (1, 1)


def test_what_is_seen_of_paths_versions_and_policies(seen, as_of):
    """On a path: a and b (a behind, b current); c none. Of the policy a passes, b fails, c is exempt, which is neither."""
    pairs = [RuleSeen("card", "path", "golden path"), RuleSeen("card", "version", "current version"), RuleSeen("card", "signed", "policy", "signed")]  # fmt: skip
    given = [result(s, rule, "passed") for s in "abc" for rule in ("path", "version", "signed")]
    more = {
        "golden_paths": [{"golden_path_id": "p", "title": "P", "released_at": "2025-01-01"}],
        "golden_path_versions": [
            {"golden_path_id": "p", "version": v, "released_at": d} for v, d in (("1.0.0", "2025-01-01"), ("2.0.0", "2025-06-01"))
        ],
        "service_golden_path": [
            {"golden_path_id": "p", "service_id": s, "as_of": as_of("2026-03-30").date(), "version": v, "evidence": "uses", "joined_at": "2025-02-01"} for s, v in (("a", "1.0.0"), ("b", "2.0.0"))
        ],
        "policy_results": [
            {"policy": "images", "rule": "signed", "resource": s, "service_id": s, "engine": "kyverno", "as_of": as_of("2026-03-30"), "result": r, "hatch_id": h}
            for s, r, h in (("a", "pass", None), ("b", "fail", None), ("c", "pass", "h1"))
        ],
    }  # fmt: skip
    rows = seen(scorecard_rules, *given, pairs=pairs, services="abc", **more)
    found = {row["rule"]: (row["compared"], row["agree"], row["only_said"]) for row in rows}
    assert found == {"path": (3, 2, 1), "version": (2, 1, 1), "signed": (2, 1, 1)}


def test_the_way_back(tables, settings, as_of):
    made = tables(result("a", "r", "passed", 1), result("b", "r", None, 1), teams=("red", "blue"))
    rows = scorecard_rows(made, settings(), as_of(AS_OF), "scorecard_rules", "team", "blue", "2026-03")
    assert rows.select("rule", "service_id", "state", "source_row").rows() == [("r", "b", "unknown", 2)]
    user = result(None, "r", "failed", 1, resource="jane@example.invalid")
    every = scorecard_rows(
        tables(result("a", "r", "passed", 1), user),
        settings(),
        as_of(AS_OF),
        "scorecard_rules",
        "org",
        "org",
        "2026-03",
    )
    assert every.select("service_id", "resource", "state", "source_row").rows() == [
        (None, None, "failed", 2), ("a", "a", "passed", 1),
    ]  # fmt: skip
    with pytest.raises(ReportError, match="There is no scorecard_rules of a service"):
        scorecard_rows(made, settings(), as_of(AS_OF), "scorecard_rules", "service", "a", "2026-03")


def test_without_results(company, settings, as_of):
    for study, schema in ((scorecards, CARDS), (scorecard_rules, RULES), (scorecard_disputes, DISPUTES)):
        assert study(company(), settings(), as_of(AS_OF)).schema == pl.Schema(schema)


def test_what_other_teams_have_changes_nothing(tables, settings, as_of):
    mine = [result("a", "r", "passed", 1), result("b", "r", "failed", 1)]
    theirs = [result("c", "r", "failed", 1), result("d", "r", None, 1)]
    teams = ("red", "red", "blue", "blue", "blue", "blue")
    for study in (scorecards, scorecard_rules):
        alone, both = (study(tables(*rows, teams=teams), settings(), as_of(AS_OF)).filter(entity_id="red") for rows in (mine, mine + theirs))  # fmt: skip
        assert alone.equals(both)


held = st.lists(
    st.tuples(st.sampled_from("ab"), st.sampled_from(["r1", "r2", "r3"]), st.sampled_from(STATES)), min_size=1, max_size=6, unique_by=lambda one: one[:2]
)  # fmt: skip


def _held(rows):
    return pl.DataFrame(
        [
            {"at": 0, "tool": "port", "scorecard": "c", "rule": rule, "resource": s, "service_id": s, "as_of": 0, "category": None, "level_name": None, "level_number": int(rule[1]), "state": state, "score": None, "score_most": None, "weight": None}
            for s, rule, state in rows
        ],
        schema_overrides={"category": pl.String, "level_name": pl.String, "score": pl.Float64, "score_most": pl.Float64, "weight": pl.Float64},
    )  # fmt: skip


@given(rows=held, which=st.integers(0, 5), becomes=st.sampled_from(["passed", "failed"]))
def test_learning_what_was_unknown_never_widens(rows, which, becomes):
    """What stands in the way surely is never above what may; and a result in the place of none moves one of the two towards the other."""
    which %= len(rows)
    unknown = [(s, r, "unknown" if n == which else state) for n, (s, r, state) in enumerate(rows)]
    known = [(s, r, becomes if n == which else state) for n, (s, r, state) in enumerate(rows)]
    inf = 9
    before, after = (reached(_held(one)).with_columns(pl.col("surely_below", "possibly_below").fill_null(inf)) for one in (unknown, known))  # fmt: skip
    for old, new in zip(before.to_dicts(), after.to_dicts(), strict=True):
        assert old["surely_below"] <= new["surely_below"] <= new["possibly_below"] <= old["possibly_below"]
    assert ladders(_held(rows)).height <= 3
    assert points(_held(rows)).is_empty()


def test_the_synthetic_portal_calls_current_what_is_behind(sample):
    """What the portal's check goes by is what a source last said of the version, and nobody told it that newer ones came out since."""
    (row,) = sample.study("scorecard_rules").filter(scope="org", period="2026-06", rule="path-current").to_dicts()
    assert row["only_said"] > 0
    assert row["only_seen"] == 0
    others = sample.study("scorecard_rules").filter(scope="org", period="2026-06").filter(pl.col("seen_as").is_in(["owner", "golden path", "policy"]))  # fmt: skip
    assert others.height == 4
    assert others["agree"].equals(others["compared"])
