from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.errors import SettingsError
from idp_analytics.metrics.allocation.apportion import round_preserving_sum
from idp_analytics.metrics.allocation.charges import bill, placed
from idp_analytics.metrics.allocation.entries import entries
from idp_analytics.metrics.allocation.proof import prove_ledger
from idp_analytics.metrics.allocation.shares import described, settled_by, shares
from idp_analytics.settings import Settings
from idp_analytics.settings.showback import Pool, Showback

GROUPS = [{"team_id": "org", "kind": "org"}, {"team_id": "D1", "kind": "group", "parent_team_id": "org"}, {"team_id": "D2", "kind": "group", "parent_team_id": "org"}]  # fmt: skip


def teams(*names: str, **parents: str) -> list[dict]:
    return [*GROUPS, *({"team_id": name, "parent_team_id": parents.get(name, "org")} for name in names)]


def pool(name: str = "shared", by: str = "even", **told) -> Pool:
    take = told.pop("take", {"account": (name,)})
    percent = {key: {k: Decimal(v) for k, v in told.pop(key, {}).items()} for key in ("shares", "pools")}
    return Pool(name, name, take, by, **percent, **told)


def with_pools(*pools: Pool, services: str = "reciprocal", weights_only: tuple[str, ...] = ()) -> Settings:
    return Settings("t", "T", Path(), showback=Showback(services, weights_only, pools))


def charge(number: int, amount: str, **told) -> dict:
    start = told.pop("at", "2026-05-05")
    return {"cost_id": f"k{number}", "amount": Decimal(amount), "period_start": start, "period_end": start, **told}


def in_cents(frame: pl.DataFrame) -> dict[str, Decimal]:
    """Amounts by team or reason, rounded so that they add up."""
    found: dict[str, Decimal] = defaultdict(Decimal)
    for row in frame.iter_rows(named=True):
        found[row["team_id"] or row["reason"]] += row["amount"]
    keys = sorted(found)
    return dict(zip(keys, round_preserving_sum([found[key] for key in keys]), strict=True))


def told(**amounts: str) -> dict[str, Decimal]:
    return {key.replace("_", " "): Decimal(value) for key, value in amounts.items()}


@pytest.mark.parametrize(
    ("rule", "expected"),
    [
        (pool(), told(core="333.34", pay="333.33", web="333.33")),
        (pool(to=("D1",)), told(core="500.00", pay="500.00")),
        (pool(but=("web",)), told(core="500.00", pay="500.00")),
        (pool(to=("org",), but=("D1",)), told(web="1000.00")),
        (pool(by="fixed", shares={"pay": 50, "core": 30, "web": 15}), told(core="300.00", pay="500.00", web="150.00", rule_residual="50.00")),
        (pool(by="fixed", shares={"D1": "66.6", "web": "33.4"}), told(core="333.00", pay="333.00", web="334.00")),
        (pool(by="fixed", shares={"D1": 50, "D2": 50}, then="direct cost"), told(core="166.67", pay="333.33", web="500.00")),
        (pool(by="direct cost"), told(core="300.00", pay="600.00", web="100.00")),
        (pool(by="cost", of={"component": ("telemetry",)}, basis="list"), told(core="343.75", pay="578.13", web="78.12")),
        (pool(by="usage", of={"component": ("ci",)}), told(core="666.67", web="333.33")),
        (pool(by="usage", of={"component": ("ci",)}, measure="value"), told(core="250.00", web="750.00")),
        (pool(by="usage", of={"component": ("c*",), "action": ("RUN",)}), told(core="1000.00")),
        (pool(by="usage", of={"component": ("nothing",)}), told(zero_weights="1000.00")),
        (pool(by="usage", of={"component": ("odd",)}, measure="value"), told(negative_weights="1000.00")),
        (pool(by="deployments"), told(pay="750.00", web="250.00")),
        (pool(by="services"), told(pay="1000.00")),
        (pool(by="developers"), told(core="500.00", web="500.00")),
        (pool(since=date(2026, 6, 1)), {}),
        (pool(until=date(2026, 5, 5)), {}),
        (pool(since=date(2026, 5, 5), until=date(2026, 5, 6), but=("org",)), told(zero_weights="1000.00")),
    ],
    ids=str,
)  # fmt: skip
def test_a_pool_of_a_thousand(company, rule, expected):
    tables = company(
        teams=[*teams("pay", "core", "web", pay="D1", core="D1", web="D2"), {"team_id": "gone", "valid_to": date(2026, 5, 1)}],
        costs=[
            charge(1, "1000", account="shared"),
            charge(2, "600", team_id="pay"), charge(3, "-10", team_id="web"), charge(4, "100", team_id="web"),
            charge(5, "-10", team_id="web", category="credit"), charge(6, "300", team_id="core"),
            *(charge(10 + n, w, team_id=t, component="Telemetry", basis="list") for n, (t, w) in enumerate([("pay", "37"), ("core", "22"), ("web", "5")])),
        ],
        usage=[
            {"event_id": f"u{n}", "component": c, "action": a, "team_id": t, "value": v} | {"at": datetime(2026, 5, 1, tzinfo=UTC) + timedelta(days=d - 1)}
            for n, (c, a, t, d, v) in enumerate([
                ("ci", "run", "core", 1, 1.0), ("ci", "run", "core", 31, 1.0), ("ci", "look", "web", 3, 6.0), ("ci", "run", "web", 40, 9.0),
                ("odd", "run", "web", 3, -1.0), ("odd", "run", "core", 3, 3.0),
            ])
        ],
        deployments=[
            *({"deployment_id": f"d{n}", "team_id": "pay", "finished_at": "2026-05-09"} for n in range(3)),
            {"deployment_id": "d4", "team_id": "web", "finished_at": "2026-05-31"},
            {"deployment_id": "d5", "team_id": "web", "finished_at": "2026-06-01"},
            {"deployment_id": "d6", "team_id": "web", "finished_at": "2026-05-01", "outcome": "failure"},
        ],
        ownership=[
            {"service_id": "a", "team_id": "pay", "valid_from": date(2026, 1, 1), "valid_to": date(2026, 5, 2)},
            {"service_id": "b", "team_id": "core", "valid_from": date(2026, 1, 1), "valid_to": date(2026, 5, 1)},
        ],
        people=[{"person_id": "p1"}, {"person_id": "p2", "is_bot": True}, {"person_id": "p3", "is_developer": False}, {"person_id": "p4", "is_developer": True}],
        memberships=[
            {"person_id": "p1", "team_id": "core"}, {"person_id": "p1", "team_id": "core", "valid_from": date(2026, 5, 3)},
            {"person_id": "p2", "team_id": "core"}, {"person_id": "p3", "team_id": "pay"}, {"person_id": "p4", "team_id": "web"},
        ],
    )  # fmt: skip
    found = shares(tables, with_pools(rule))
    assert in_cents(found) == {key: value for key, value in expected.items() if value}
    if found.height:
        assert found["amount"].sum() == Decimal(1000)
        assert found["ratio"].sum() == pytest.approx(1)


def test_published_simple_methods(cases, company):
    published = json.loads((cases / "cost/textbook/simple_methods.json").read_text())
    names = {"pay": "D1", "core": "D1", "web": "D2"}
    for case, rule, weights in [
        ("telemetry_weight", pool(by="cost", of={"component": ("w",)}, basis="list"), published["telemetry_weight"]["weights_cpu_request_core_hours"]),
        ("even", pool(), {}),
        ("fixed_pct", pool(by="fixed", shares=published["fixed_pct"]["pct"]), {}),
        ("proportional_to_direct", pool(by="direct cost"), {}),
        ("proportional_with_credit_target", pool(by="direct cost"), {}),
    ]:  # fmt: skip
        told_ = published[case]
        direct = told_.get("direct", {})
        tables = company(
            teams=teams(*(direct or names)),
            costs=[
                charge(0, told_["pool"], account="shared"),
                *(charge(1 + n, w, team_id=t, component="w", basis="list") for n, (t, w) in enumerate(weights.items())),
                *(charge(50 + n, w, team_id=t) for n, (t, w) in enumerate(direct.items())),
            ],
        )
        expected = {
            k.replace("__unallocated__", "rule residual"): Decimal(v)
            for k, v in told_["expected"].items()
            if Decimal(v)
        }
        assert in_cents(shares(tables, with_pools(rule))) == expected, case
    tree = published["hierarchical"]
    divisions = {team: division for division, members in tree["team_weights"].items() for team in members}
    flat = [
        charge(n, w, team_id=team)
        for n, (team, w) in enumerate((t, w) for members in tree["team_weights"].values() for t, w in members.items())
    ]
    tables = company(teams=teams(*divisions, **divisions), costs=[charge(99, "300", account="shared"), *flat])
    by_division = {key: str(Decimal(2 if key == "D1" else 1) * 100 / 3) for key in tree["division_weights"]}
    found = in_cents(shares(tables, with_pools(pool(by="fixed", shares=by_division, then="direct cost"))))
    assert {k: found[k] for k in divisions} == {k: Decimal(v) for k, v in tree["expected"].items() if k in divisions}


def test_idle_is_shared_by_cluster_and_resource(company):
    """Two clusters, two resources; what nobody used of a resource keeps its idle."""
    use = [
        ("one", "cpu", "red", "30"),
        ("one", "cpu", "blue", "10"),
        ("one", "ram", "blue", "5"),
        ("two", "cpu", "red", "7"),
    ]
    idle = [("one", "cpu", "20"), ("one", "ram", "3"), ("two", "cpu", "2"), ("two", "ram", "9")]
    rows = [charge(n, a, account=c, component=r, team_id=t) for n, (c, r, t, a) in enumerate(use)]
    rows += [charge(20 + n, a, account=c, component=r, owner_raw="__idle__") for n, (c, r, a) in enumerate(idle)]
    rule = pool("idle", "direct cost", take={"owner": ("__idle__",)}, within=("account", "component"))
    found = shares(company(teams=teams("red", "blue"), costs=rows), with_pools(rule))
    assert {(r["part"], r["team_id"] or r["reason"]): r["amount"] for r in found.iter_rows(named=True)} == {
        ("one / cpu", "red"): 15, ("one / cpu", "blue"): 5, ("one / ram", "blue"): 3, ("two / cpu", "red"): 2,
        ("two / ram", "zero weights"): 9,
    }  # fmt: skip


def test_pools_that_use_one_another(company):
    rules = [
        pool("build", "fixed", shares={"red": 10, "blue": 60}, pools={"cluster": 30}),
        pool("cluster", "cost", of={"component": ("w",)}, basis="list", pools={"build": 20}),
    ]
    rows = [
        charge(1, "700", account="build"), charge(2, "1000", account="cluster"),
        charge(3, "60", team_id="red", component="w", basis="list"), charge(4, "20", team_id="blue", component="w", basis="list"),
    ]  # fmt: skip
    tables = company(teams=teams("red", "blue"), costs=rows)
    for method, red in [("direct", "850.00"), ("step-down", "977.50"), ("reciprocal", "868.09")]:
        found = shares(tables, with_pools(*rules, services=method))
        assert in_cents(found) == {"red": Decimal(red), "blue": 1700 - Decimal(red)}, method
        by_pool = found.group_by("pool").agg(pl.col("amount").sum(), pl.col("pooled").first())
        assert (by_pool["amount"] == by_pool["pooled"]).all()  # each pool's own cost, never what passes through it
    # Several ways at once, some of them of the very same pools, are what each is alone.
    chosen = with_pools(*rules).showback
    ways = [replace(chosen, services=method) for method in ("step-down", "direct")]
    ways.append(replace(chosen, services="step-down", pools=tuple(reversed(chosen.pools))))
    for way, found in zip(ways, settled_by(tables, with_pools(*rules), ways), strict=True):
        assert found.equals(shares(tables, replace(with_pools(), showback=way)))
    assert described(rules[0], "reciprocal") == (
        "by fixed shares: red 10 %, blue 60 %; used by other pools: cluster 30 % (reciprocal)"
    )
    assert described(pool("x", "cost", of={"component": ("a", "b")}, within=("account",), to=("D1",), but=("red",)), "direct") == (
        "by cost of a/b within account; among D1 without red"
    )  # fmt: skip


def test_costs_that_are_weights_only_are_no_bill(company):
    rule = pool("cluster", "cost", of={"provider": ("Kubernetes",)}, basis="list")
    rows = [
        charge(1, "100", account="cluster"),
        charge(2, "3", team_id="red", provider="Kubernetes", basis="list"),
        charge(3, "1", team_id="blue", provider="kubernetes", basis="list"),
        charge(4, "5", team_id="red", provider="Kubernetes"),
    ]
    tables = company(teams=teams("red", "blue"), costs=rows)
    settings = with_pools(rule, weights_only=("Kubernetes",))
    assert bill(tables, settings).collect()["cost_id"].to_list() == ["k1"]
    assert in_cents(shares(tables, settings)) == told(red="75.00", blue="25.00")


@pytest.mark.parametrize(
    ("currencies", "expected"),
    [
        (("EUR", "EUR"), told(red="75.00", blue="25.00")),
        (("USD", "USD"), told(red="75.00", blue="25.00")),  # one other currency is a weight all the same
        (("USD", "GBP"), told(zero_weights="100.00")),  # two cannot be added to one weight
        (("EUR", "USD"), told(red="100.00")),
    ],
)
def test_weights_of_several_currencies_are_not_added(company, currencies, expected):
    rule = pool("cluster", "cost", of={"component": ("w",)}, basis="list")
    rows = [
        charge(1, "100", account="cluster", currency="EUR"),
        charge(2, "3", team_id="red", component="w", basis="list", currency=currencies[0]),
        charge(3, "1", team_id="blue", component="w", basis="list", currency=currencies[1]),
    ]
    assert in_cents(shares(company(teams=teams("red", "blue"), costs=rows), with_pools(rule))) == expected


def test_the_first_pool_that_describes_a_charge_takes_it(company):
    rules = [
        pool("a", take={"component": ("Net*",), "category": ("usage",)}),
        pool("b", take={"reason": ("tax", "no owner")}),
        pool("c", take={"team": ("red",), "currency": ("eur",)}),
    ]
    rows = [
        charge(1, "1", component="network", team_id="red"), charge(2, "1", component="Net", category="tax"),
        charge(3, "1", category="tax", team_id="blue"), charge(4, "1"), charge(5, "1", team_id="red", currency="EUR"),
        charge(6, "1", team_id="red"), charge(7, "1", owner_raw=""),
    ]  # fmt: skip
    found = placed(company(teams=teams("red", "blue"), costs=rows), with_pools(*rules)).sort("cost_id").collect()
    assert found["pool"].to_list() == ["a", "b", None, "b", "c", None, None]
    assert found["team_id"].to_list() == [None, None, "blue", None, None, "red", None]
    assert found["reason"].to_list() == [None, None, None, None, None, None, "empty tag"]
    assert found["owner_team_id"].to_list() == ["red", None, "blue", None, "red", "red", None]


def test_rules_that_name_a_team_that_is_not_there_stop_with_all_of_them(company):
    rules = [
        pool("a", to=("payment",)),
        pool("b", "fixed", shares={"D1": 10, "payments": 10, "nobody": 5}),
    ]
    tables = company(teams=teams("payments", payments="D1"), costs=[charge(1, "1", account="a")])
    with pytest.raises(SettingsError) as stopped:
        shares(tables, with_pools(*rules))
    assert "pool 'a': to: there is no team or group 'payment'. Did you mean 'payments'?" in str(stopped.value)
    assert "pool 'b': shares: there is no team or group 'nobody'." in str(stopped.value)
    assert "pool 'b': shares: payments would get a share by 'D1' and one by 'payments'" in str(stopped.value)


# --- laws --------------------------------------------------------------------------------------------------------------

amounts = st.decimals(-(10**6), 10**6, places=24)
rows_ = st.lists(
    st.builds(
        dict, amount=amounts, currency=st.sampled_from(["USD", "EUR"]),
        at=st.sampled_from(["2026-02-28", "2026-03-01", "2026-03-31"]), account=st.sampled_from(["a", "b", "c", None]),
        team_id=st.sampled_from(["red", "blue", "stranger", None]), category=st.sampled_from(["usage", "tax", "credit"]),
    ),
    max_size=10,
)  # fmt: skip
rule_ = st.builds(
    pool, st.just(""), st.sampled_from(["even", "direct cost", "fixed", "services"]), to=st.sampled_from([(), ("red",), ("D1",)])
)  # fmt: skip
rules_ = st.tuples(
    st.sampled_from(["direct", "step-down", "reciprocal"]),
    st.lists(st.tuples(rule_, st.integers(0, 50), st.integers(0, 50)), min_size=1, max_size=3),
)


def made(drawn: tuple) -> Settings:
    method, parts = drawn
    names = ["a", "b", "c"][: len(parts)]
    pools = []
    for i, (rule, first, second) in enumerate(parts):
        others = [name for name in names if name != names[i]]
        used = dict(zip(others, (Decimal(first), Decimal(second)), strict=False))
        given_ = {"red": Decimal(70) - sum(used.values(), Decimal(0)) / 2} if rule.by == "fixed" else {}
        pools.append(
            replace(
                rule,
                id=names[i],
                title=names[i],
                take={"account": (names[i],)},
                pools=used,
                shares={k: max(v, Decimal(0)) / 2 for k, v in given_.items()},
            )
        )
    return with_pools(*pools, services=method)


def nonzero(sums: pl.DataFrame) -> pl.DataFrame:
    return sums.filter(pl.col("amount") != 0)


@given(rows_, rules_, st.randoms(use_true_random=False))
@hypothesis_settings(max_examples=40)
def test_under_any_rules_money_is_conserved_per_pool_whatever_the_order_and_mirrored(company, drawn, rules, random):
    rows = [charge(n, str(row.pop("amount")), **row) for n, row in enumerate(dict(r) for r in drawn)]
    known = teams("red", "blue", "idle", red="D1")
    settings = made(rules)
    tables = company(teams=known, costs=rows)
    found = shares(tables, settings)
    held = found.group_by("pool", "on", "currency").agg(pl.col("amount").sum(), pl.col("pooled").first())
    assert (held["amount"] == held["pooled"]).all()
    assert prove_ledger(tables, settings).equals(found)
    assert found.equals(shares(company(teams=known, costs=random.sample(rows, len(rows))), settings))

    whole = entries(tables, settings).group_by("currency").agg(pl.col("amount").sum()).sort("currency").collect()
    due = bill(tables, settings).group_by("currency").agg(pl.col("amount").sum()).sort("currency").collect()
    assert nonzero(whole).equals(nonzero(due))
    ledger = entries(tables, settings).collect()
    assert (ledger["team_id"].is_null() != ledger["reason"].is_null()).all()  # one account each
    assert ledger.filter(pl.col("pool").is_null())["lines"].sum() + found.unique(["pool", "on", "currency"])[
        "charges"
    ].sum() <= len(rows)

    weigh = [p.by for p in settings.showback.pools if p.by == "direct cost"]
    if not weigh:  # mirrored charges are no weights
        mirrored = [{**row, "amount": -row["amount"]} for row in rows]
        back = shares(company(teams=known, costs=mirrored), settings)
        assert back["amount"].to_list() == [-amount for amount in found["amount"].to_list()]


@given(st.lists(st.integers(1, 9), min_size=2, max_size=4), st.integers(1, 10**6))
@hypothesis_settings(max_examples=20)
def test_a_team_without_weight_changes_nobody(company, weights, cents):
    names = [f"t{n}" for n in range(len(weights))]
    rows = [charge(99, str(Decimal(cents) / 100), account="shared")]
    rows += [charge(n, str(w), team_id=name) for n, (name, w) in enumerate(zip(names, weights, strict=True))]
    settings = with_pools(pool(by="direct cost"))
    one, more = (shares(company(teams=teams(*names, *extra), costs=rows), settings) for extra in ((), ("idle",)))
    assert one.equals(more)


def by_hand(rows: list[dict], rules: list[Pool], known: list[str]) -> dict[tuple, Decimal]:
    """The same allocation row by row in plain Python: the reference for rules that share evenly or by direct cost."""
    held: dict[tuple, Fraction] = defaultdict(Fraction)
    paid: dict[tuple, Fraction] = defaultdict(Fraction)
    weight: dict[tuple, Fraction] = defaultdict(Fraction)
    for row in rows:
        day = date.fromisoformat(row["period_start"])
        cell = max(day - timedelta(days=day.weekday()), day.replace(day=1))
        rule = next((p.id for p in rules if row["account"] in p.take["account"]), None)
        amount = Fraction(row["amount"])
        if rule:
            held[rule, cell, row["currency"]] += amount
        elif row["team_id"] in known:
            paid[row["team_id"], cell, row["currency"]] += amount
            weight[row["team_id"], day.replace(day=1), row["currency"]] += max(amount, Fraction(0))
        else:
            paid["nobody", cell, row["currency"]] += amount
    for (name, cell, currency), amount in held.items():
        by = next(p.by for p in rules if p.id == name)
        parts = {t: Fraction(1) if by == "even" else weight[t, cell.replace(day=1), currency] for t in known}
        whole = sum(parts.values())
        if not whole:
            paid["nobody", cell, currency] += amount
            continue
        unit = 10**24
        sign = -1 if amount < 0 else 1
        exact = {t: abs(amount) * unit * part / whole for t, part in parts.items()}
        cut = {t: value.numerator // value.denominator for t, value in exact.items()}
        left = int(abs(amount) * unit) - sum(cut.values())
        for t in sorted(known, key=lambda t: (cut[t] - exact[t], t))[:left]:
            cut[t] += 1
        for t in known:
            paid[t, cell, currency] += Fraction(sign * cut[t], unit)
    return {key: value for key, value in paid.items() if value}


@given(rows_, st.lists(st.sampled_from(["even", "direct cost"]), min_size=1, max_size=3))
@hypothesis_settings(max_examples=30)
def test_the_ledger_is_what_plain_python_finds_row_by_row(company, drawn, bases):
    rows = [
        charge(n, str(one["amount"]), **{k: v for k, v in one.items() if k != "amount"}) for n, one in enumerate(drawn)
    ]
    rules = [pool(name, by) for name, by in zip("abc", bases, strict=False)]
    known = ["blue", "idle", "red"]
    found: dict[tuple, Fraction] = defaultdict(Fraction)
    tables = company(teams=[{"team_id": name} for name in known], costs=rows)
    for row in entries(tables, with_pools(*rules)).collect().iter_rows(named=True):
        found[row["team_id"] or "nobody", row["on"], row["currency"]] += Fraction(row["amount"])
    assert {key: value for key, value in found.items() if value} == by_hand(rows, rules, known)
