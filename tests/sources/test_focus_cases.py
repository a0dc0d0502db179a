"""Bills of real providers and of the specification, with totals computed elsewhere in exact decimals."""

from __future__ import annotations

import json
import shutil
from decimal import Decimal
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from idp_analytics.metrics import showback
from idp_analytics.organisation import Organisation, load
from idp_analytics.sources import focus
from idp_analytics.sources.focus_format import COSTS
from idp_analytics.tables import Extract

SAMPLE = "FOCUS-Sample-Data/focus_sample.csv"


@pytest.fixture(scope="module")
def cost(cases: Path) -> Path:
    folder = cases / "cost"
    if not (folder / SAMPLE).is_file():
        pytest.skip(f"no {SAMPLE} in {folder}")
    return folder


def expected(cost: Path, file: str) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((cost / "expected" / f"{file.replace('/', '__')}.json").read_text("utf-8"))
    return found


@pytest.fixture(scope="module")
def sample(cost: Path) -> Extract:
    (extract,) = focus.read([cost / SAMPLE], {}, cost)
    return extract


@pytest.fixture(scope="module")
def organisation(cost: Path, tmp_path_factory: pytest.TempPathFactory) -> Organisation:
    """The bill in a folder of its own: one of its business units is a team we know, the others are not."""
    folder = tmp_path_factory.mktemp("acme")
    shutil.copy(cost / SAMPLE, folder / "bill.csv")
    units = expected(cost, SAMPLE)["groups"]["Tags.business_unit"]
    known = max((name for name in units if not name.startswith("<")), key=lambda name: units[name]["rows"])
    (folder / "teams.csv").write_text(f"team_id,name\n{known},{known}\n", encoding="utf-8")
    (folder / "settings.toml").write_text(
        '[rules]\ncost_basis = "billed"\n'
        '[[source]]\nkind = "focus"\npaths = ["bill.csv"]\nteam_tags = ["business_unit"]\n'
        '[[source]]\nkind = "canonical"\ntable = "teams"\npaths = ["teams.csv"]\n',
        encoding="utf-8",
    )
    return load(folder)


def sums(rows: pl.DataFrame, *by: str) -> dict[Any, Decimal]:
    return {
        key if len(by) > 1 else key[0]: frame["amount"].sum()
        for key, frame in rows.partition_by(by, as_dict=True).items()
    }


def test_totals_per_currency_are_exact(cost: Path, sample: Extract) -> None:
    wanted = expected(cost, SAMPLE)
    assert sample.sha256 == wanted["sha256"]
    assert sample.rows_in == wanted["rows"] == 1000
    for basis, column in COSTS.items():
        rows = sample.frame.filter(basis=basis)
        assert rows.height == wanted["rows"] - wanted["null_count"].get(column, 0)
        found = sums(rows, "currency")
        assert found == {c: Decimal(t[column]) for c, t in wanted["groups"]["BillingCurrency"].items()}
        assert rows.filter(pl.col("amount") < 0).height == wanted["negative_rows"][column]
    assert sums(sample.frame.filter(basis="billed"), "currency") == {"USD": Decimal("20.52022672899")}


@pytest.mark.parametrize(
    ("group", "ours"), [("ProviderName", "provider"), ("ServiceName", "component"), ("SubAccountId", "account"), ("ChargeCategory", "category")]
)  # fmt: skip
def test_totals_per_group_are_exact(cost: Path, sample: Extract, group: str, ours: str) -> None:
    wanted = expected(cost, SAMPLE)["groups"][group]
    rows = sample.frame.filter(basis="billed").with_columns(pl.col(ours).fill_null("<null>"))
    folded = {name.lower() if ours == "category" else name: Decimal(t["BilledCost"]) for name, t in wanted.items()}
    assert sums(rows, ours) == folded


DEFECTS = [
    "EffectiveCost of 'AWS' is a whole number in 941 of 941 usage rows while BilledCost is not: its decimals are lost, "
    "do not use the effective basis (BilledCost 18.0066386184 USD, EffectiveCost 13 USD)",
    "ContractedCost of 'AWS' is a whole number in 941 of 941 usage rows",
    "AvailabilityZone holds a price in 51 row(s): columns have slipped (BilledCost 1.97651418586 USD)",
    "not marked x_: 'Id'",
    "times not written as 2024-09-18T23:00:00Z, taken as UTC where they can be read: ChargePeriodStart 1,000",
    "ChargeFrequency: 'Usage-based' (7 row(s)) is written 'Usage-Based' in the specification",
    "23 row(s) have tag keys with spaces around them",
    "12 Usage row(s) are negative, refunds most likely; they are kept (BilledCost -0.1619713001 USD); 1 Credit row(s) "
    "besides (BilledCost -2.6137 USD)",
    "1 row(s) are charged in one period and billed in another; they count in the period of the charge (BilledCost 0.24 USD)",
    "AWS account id(s) in 942 row(s) are not 12 digits (found 11 characters)",
    "empty though FOCUS forbids it: ContractedCost in 7 row(s)",
    "charges without any tag sum below zero (BilledCost -1.7023496992 USD, of it 1 credit(s) of BilledCost -2.6137 USD)",
]


@pytest.mark.parametrize("defect", DEFECTS, ids=lambda text: text[:30])
def test_its_published_defects_are_told(sample: Extract, defect: str) -> None:
    assert sum(defect in warning for warning in sample.warnings) == 1, "\n".join(sample.warnings)


def test_unallocated_is_shown_with_its_reasons_and_all_adds_up(cost: Path, organisation: Organisation) -> None:
    (known,) = organisation.tables["teams"]["team_id"]
    observed = showback.showback_cost(organisation.lazy, organisation.settings).collect()
    by_detail = sums(observed, "detail")
    units = {
        name: Decimal(t["BilledCost"]) for name, t in expected(cost, SAMPLE)["groups"]["Tags.business_unit"].items()
    }
    others = sum(total for name, total in units.items() if name != known and not name.startswith("<"))
    nobody = units.keys() - {known} - {name for name in units if not name.startswith("<")}
    assert by_detail[showback.DIRECT] == units[known]
    assert by_detail["unallocated: unknown owner"] == others
    assert by_detail["unallocated: credit"] == Decimal("-2.6137")
    unowned = sum(units[name] for name in nobody) - Decimal("-2.6137")
    assert by_detail["unallocated: no owner"] + by_detail.get("unallocated: empty tag", Decimal(0)) == unowned
    assert sum(by_detail.values()) == Decimal("20.52022672899")
    assert organisation.rejected.is_empty()


def test_the_answers_prove_that_they_add_up(organisation: Organisation) -> None:
    answers = organisation.answers("showback_cost", every="1mo")
    whole = showback.bill(organisation.lazy, organisation.settings, organisation.as_of).collect()
    showback.prove(answers, whole)
    shown = answers.filter(pl.col("scope") == "org", pl.col("detail").str.starts_with("unallocated"))
    assert shown["amount"].null_count() == 0
    assert set(shown["currency"]) == {"USD"}


def test_the_specifications_own_slips_are_refused_when_strict(cost: Path) -> None:
    file = cost / "FOCUS_Spec/saas_examples/simple_agreements/simple_saas_agreements_a1.csv"
    if not file.is_file():
        pytest.skip(f"no {file}")
    (strict,) = focus.read([file], {"strict": True}, cost)
    assert set(strict.frame["amount"]) == {"$10,000.00"}
    (lenient,) = focus.read([file], {}, cost)
    assert set(lenient.frame["amount"]) == {Decimal(10000)}
    assert any("BilledCost: 1 cell(s) not written as FOCUS asks" in warning for warning in lenient.warnings)
