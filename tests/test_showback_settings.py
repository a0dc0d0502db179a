"""Rules of sharing as data: what they say, and everything that is wrong with them, listed at once."""

from __future__ import annotations

import tomllib
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from idp_analytics.errors import SettingsError
from idp_analytics.settings import parse
from idp_analytics.settings.showback import Showback


def read(written: str) -> Showback:
    return parse(tomllib.loads(written), Path("acorn"), lambda _kind, _options: []).showback


def problems(written: str) -> list[str]:
    with pytest.raises(SettingsError) as stopped:
        read(written)
    return [line.removeprefix("  - ") for line in str(stopped.value).splitlines()[1:]]


def test_nothing_said_is_nothing_shared():
    assert read("") == Showback("reciprocal", (), ())


def test_a_whole_set_of_rules():
    rules = read("""
    [showback]
    services = "step-down"
    weights_only = "Kubernetes"
    [[pool]]
    id = "cluster"
    title = "Clusters"
    take = { component = ["Engine", "Control*"], reason = "no owner" }
    by = "cost"
    of = { provider = "Kubernetes" }
    basis = "list"
    within = ["account", "sku"]
    to = "commerce"
    but = ["platform"]
    pools = { staff = 12.5 }
    since = 2026-01-01
    until = 2026-07-01
    [[pool]]
    id = "staff"
    take = { provider = "people" }
    by = "fixed"
    shares = { commerce = "33.333333333333333333", data = 10 }
    then = "developers"
    """)
    cluster, staff = rules.pools
    assert (rules.services, rules.weights_only) == ("step-down", ("Kubernetes",))
    assert cluster.take == {"component": ("Engine", "Control*"), "reason": ("no owner",)}
    assert (cluster.title, cluster.by, cluster.of, cluster.basis) == (
        "Clusters",
        "cost",
        {"provider": ("Kubernetes",)},
        "list",
    )
    assert (cluster.within, cluster.to, cluster.but) == (("account", "sku"), ("commerce",), ("platform",))
    assert (cluster.pools, cluster.since, cluster.until) == (
        {"staff": Decimal("12.5")},
        date(2026, 1, 1),
        date(2026, 7, 1),
    )
    assert staff.shares == {"commerce": Decimal("33.333333333333333333"), "data": Decimal(10)}
    assert (staff.title, staff.then) == ("staff", "developers")


POOL = '[[pool]]\nid = "a"\n'
TAKE = 'take = { component = "x" }\n'


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ('[showback]\nservices = "recipocal"', "[showback] services = 'recipocal': must be one of direct, step-down, reciprocal"),
        ("[showback]\nmethod = 1", "[showback] method: no such setting."),
        ("[showback]\ndeveloper_hour = 70", "[showback] developer_hour and currency go together: what an hour costs, and in what"),
        ('[showback]\ndeveloper_hour = 0\ncurrency = "EUR"', "[showback] developer_hour = 0: must be more than nothing"),
        (POOL + TAKE + "is_platform = 1", "[[pool]] 1: is_platform = 1: must be true or false"),
        ("[[pool]]\n" + TAKE, "[[pool]] 1: no id"),
        (POOL, "pool 'a': takes nothing: say which charges, e.g. take = { component = \"Kubernetes\" }"),
        (POOL + 'take = { componet = "x" }', "[[pool]] 1: take: componet: cannot be looked at. Did you mean 'component'?"),
        (POOL + "take = { component = [] }", "[[pool]] 1: take: component: names nothing"),
        (POOL + TAKE + 'by = "usage"\nof = { provider = "x" }', "[[pool]] 1: of: provider: cannot be looked at."),
        (POOL + TAKE + 'by = "usage"', "pool 'a': by = \"usage\" needs of: which usage is the weight"),
        (POOL + TAKE + 'by = "cost"', "pool 'a': by = \"cost\" needs of: which cost is the weight"),
        (POOL + TAKE + 'of = { component = "x" }', 'pool \'a\': of is for by = "cost" or "usage", and this pool is shared by even'),
        (POOL + TAKE + 'by = "fixed"', "pool 'a': by = \"fixed\" needs shares, e.g. shares = { payments = 60, data = 40 }"),
        (POOL + TAKE + "shares = { red = 1 }", "pool 'a': shares are for by = \"fixed\", and this pool is shared by even"),
        (POOL + TAKE + 'by = "fixed"\nshares = { red = 60, blue = 40.5 }', "pool 'a': its shares come to 100.5 percent, which is more than there is"),
        (POOL + TAKE + 'by = "fixed"\nshares = { red = -1 }', "pool 'a': shares: red = -1: a share cannot be negative"),
        (POOL + TAKE + 'by = "fixed"\nshares = { red = "half" }', "[[pool]] 1: shares: red = 'half': must be an amount, e.g. 1200.50 or \"1200.50\""),
        (POOL + TAKE + 'by = "fixed"\nshares = { red = nan }', "[[pool]] 1: shares: red = nan: must be an amount, e.g. 1200.50 or \"1200.50\""),
        (POOL + TAKE + "since = 2026-07-01\nuntil = 2026-07-01", "pool 'a': since 2026-07-01 is not before until 2026-07-01"),
        (POOL + TAKE + 'within = ["sku"]', 'pool \'a\': within is for by = "cost" or "direct cost", and this pool is shared by even'),
        (POOL + TAKE + 'by = "direct cost"\nwithin = ["skus"]', "pool 'a': within: 'skus' cannot split a pool. Did you mean 'sku'?"),
        (POOL + TAKE + "pools = { b = 10 }", "pool 'a': pools: there is no pool 'b'."),
        (POOL + TAKE + "pools = { a = 10 }", "pool 'a': pools: a pool does not use itself; what it uses of itself falls away"),
        (POOL + TAKE + POOL + 'take = { account = "y" }', "pool 'a' is there 2 times; give each its own id"),
        (POOL + TAKE + '[[pool]]\nid = "b"\ntake = { component = "X", account = "1" }', "pool 'b' is dead: 'a' before it takes all it would; put the narrower rule first"),
        (POOL + TAKE + 'pools = { b = 100 }\n[[pool]]\nid = "b"\ntake = { account = "1" }\npools = { a = 100 }',
         "pools a, b use one another to 100 percent, so that no money can leave them; leave a part to teams"),
        (POOL + TAKE + 'by = "direct cost"\nwithin = ["account"]\n[[pool]]\nid = "b"\ntake = { account = "1" }\npools = { a = 10 }',
         "pool 'a': is split within account, so it cannot be used by other pools as one"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_rule(written, told):
    assert any(line.startswith(told) for line in problems(written)), problems(written)


@pytest.mark.parametrize(
    "second",
    [
        'take = { component = "y" }',
        'take = { account = "1" }',
        'take = { component = ["x", "y"] }',
        'take = { component = "x" }\nuntil = 2026-01-01',
    ],
)
def test_rules_that_overlap_only_in_part_are_no_fault_of_the_settings(second):
    since = "since = 2026-01-01\n" if "until" in second else ""
    assert len(read(f'{POOL}{TAKE}{since}[[pool]]\nid = "b"\n{second}').pools) == 2


def test_all_problems_are_listed_together():
    told = problems(
        POOL + 'by = "fixed"\n[[pool]]\nid = "b"\ntake = { x = "1" }\npools = { c = -1 }\n[showback]\nservices = "x"'
    )
    assert len(told) >= 5
