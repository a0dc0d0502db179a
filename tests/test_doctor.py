"""What would make the numbers better: every finding with its count and what to do, the largest first."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from folder_building import DEPLOYMENTS, OWNERSHIP, SERVICES, folder

from idp_analytics.doctor import findings
from idp_analytics.organisation import load

INCIDENTS = "incident_id,service_id,opened_at\ni1,shop,2026-03-01T12:00:00Z\n"
CHANGES = "change_id,service_id,first_commit_at,merged_at\nc1,shop,2026-02-28T10:00:00Z,2026-03-01T09:00:00Z\n"
LINKS = "deployment_id,change_id\nd1,c1\n"
COSTS = (
    "cost_id,period_start,period_end,team_id,amount,currency,basis\n"
    "k1,2026-03-01T00:00:00Z,2026-03-02T00:00:00Z,pay,1.5,EUR,effective\n"
)
WHOLE = {"incidents": INCIDENTS, "changes": CHANGES, "deployment_changes": LINKS, "costs": COSTS}


def found(tmp_path: Path, **files: str) -> list[str]:
    return findings(load(folder(tmp_path, **{**WHOLE, **files})))


def test_nothing_is_found_where_nothing_is_to_mend(tmp_path: Path) -> None:
    assert found(tmp_path) == []


@pytest.mark.parametrize(
    ("files", "finding"),
    [
        ({"deployments": DEPLOYMENTS + "d4,shop,production,success,soon\nd5,shop,production,success,never\n"},
            "2 row(s) of deployments in deployments.csv are set aside: finished_at is not a time"),
        ({"incidents": INCIDENTS + "i2,stall,2026-03-02T12:00:00Z\ni3,stall,2026-03-02T12:00:00Z\ni4,booth,2026-03-02T12:00:00Z\n"},
            "3 row(s) name 2 service(s) the catalogue does not have: stall (2 by canonical-incidents), booth (1 by canonical-incidents). "
            "Add them to services, or map the names in the aliases file (kind = service)."),
        ({"deployments": DEPLOYMENTS + "".join(f"x{n},s{n},production,success,2026-03-05T10:00:00Z\n" for n in range(6))},
            "6 row(s) name 6 service(s) the catalogue does not have: s0 (1 by canonical-deployments), s1 (1 by canonical-deployments), "
            "s2 (1 by canonical-deployments), s3 (1 by canonical-deployments), s4 (1 by canonical-deployments), …. "
            "Add them to services, or map the names in the aliases file (kind = service)."),
        ({"ownership": "service_id,team_id,valid_from\nshop,pay,2026-03-02\n"},
            "1 of 3 row(s) of deployments happened when nobody owned the service: shop (1). Give ownership rows that cover those days."),
        ({"deployments": DEPLOYMENTS + "d4,,production,success,2026-03-05T10:00:00Z\n"},
            "1 of 4 row(s) of deployments have no service_id: they count for the organisation only."),
        ({"deployments": DEPLOYMENTS + "d4,shop,,success,2026-03-05T10:00:00Z\nd5,shop,moon,success,2026-03-05T10:00:00Z\n"},
            "2 of 5 row(s) of deployments have no environment: they cannot be told to be production and count nowhere."),
        ({"deployments": DEPLOYMENTS + "d4,shop,production,,2026-03-05T10:00:00Z\n"},
            "1 of 4 row(s) of deployments have no outcome: they are not counted as successful."),
        ({"incidents": INCIDENTS + "i2,,2026-03-01T12:00:00Z\n"},
            "1 of 2 row(s) of incidents have no service_id: they cannot be linked to a deployment."),
        ({"changes": CHANGES + "c2,shop,,2026-03-01T09:00:00Z\n"}, "1 of 2 row(s) of changes have no first_commit_at: they have no lead time."),
        ({"incidents": INCIDENTS + "i2,shop,2026-03-10T12:00:00Z\n"},
            "1 of 2 incident(s) that a change may have caused are linked to no deployment within 24 h. Record deployment_id on "
            "incidents, or say change_caused = false."),
        ({"incidents": "incident_id,opened_at\n"}, "Change fail rate is not measured in full: no rows in incidents."),
    ],
)  # fmt: skip
def test_a_finding_says_how_many_and_what_to_do(tmp_path: Path, files: dict[str, str], finding: str) -> None:
    said = found(tmp_path, **files)
    assert sum(sentence.startswith(finding) for sentence in said) == 1, "\n".join(said)


def test_without_a_catalogue_no_service_is_strange(tmp_path: Path) -> None:
    said = found(tmp_path, services=SERVICES.splitlines()[0] + "\n")
    assert not any("the catalogue does not have" in sentence for sentence in said)


def test_an_export_that_is_incomplete_is_to_be_made_again(tmp_path: Path) -> None:
    root = folder(tmp_path, **WHOLE)
    (root / "incidents.csv").write_text(
        json.dumps({"items": [{"incident_id": "i1", "service_id": "shop", "opened_at": "2026-03-01T12:00:00Z"}], "total": 9}),
        encoding="utf-8",
    )  # fmt: skip
    assert "incidents.csv is incomplete by its own account: export incidents again, whole." in findings(load(root))


def test_what_would_rescue_most_rows_comes_first(tmp_path: Path) -> None:
    said = found(
        tmp_path,
        deployments=DEPLOYMENTS + "d4,shop,production,success,soon\n",
        ownership=OWNERSHIP.replace("shop,pay,,", "shop,pay,2026-03-02,"),
        incidents=INCIDENTS + "i2,,2026-03-01T12:00:00Z\ni3,,2026-03-01T12:00:00Z\ni4,,2026-03-01T12:00:00Z\n",
        changes=CHANGES.splitlines()[0] + "\n",
    )
    counts = [int(sentence.split()[0]) if sentence[0].isdigit() else 0 for sentence in said]
    assert counts == sorted(counts, reverse=True)
    assert counts[0] == 3
    assert counts[-1] == 0


def test_words_of_a_component_that_fit_nothing(tmp_path: Path) -> None:
    part = '[[component]]\nid = "ci"\nusage = ["ci", "cj"]\noperations = ["rerun"]\ntickets = ["bild"]\ntake = { service = "nothing" }\n\n'
    usage = "event_id,component,action,team_id,at\nu,ci,run,pay,2026-03-02T10:00:00Z\n"
    told = findings(load(folder(tmp_path, part, **WHOLE, usage=usage)))
    assert [line.split(" fits ")[0] for line in told] == [
        "The component 'ci': its take 'service'",
        "The component 'ci': its usage 'cj'",
    ]
    assert all(
        "Mend the name, or load what tells of it." in line for line in told
    )  # of operations and tickets nothing is loaded


_LEDGER = (
    "intervention_id,unit_id,unit_kind,hypothesis,metric,direction,smallest_effect,adopted_on,review_on,registered_at\n"
)


@pytest.mark.parametrize(
    ("rows", "finding"),
    [
        ("a,shop,service,h,change_lead_tim,down,4,,2026-09-01,2026-03-01T00:00:00Z\n",
            "The change 'a' is judged by 'change_lead_tim', which is no metric: nothing can be said of it. Did you mean 'change_lead_time'?"),
        ("a,shop,service,h,change_lead_time,down,4,2026-03-02,2026-09-01,2026-03-01T00:00:00Z\n"
         "b,shop,service,h,change_fail_rate,down,0.1,2026-03-05,2026-09-01,2026-03-01T00:00:00Z\n",
            "The changes 'a' and 'b' are at 1 unit(s) at one time:"),
        ("a,shop,service,h,change_lead_time,down,4,2026-01-02,2026-03-20,2026-01-01T00:00:00Z\n",
            "The change 'a' was to be looked at on 2026-03-20: read what its report says"),
        ("a,shop,service,h,change_lead_time,down,4,,2026-03-20,2026-01-01T00:00:00Z\n",
            "The change 'a' was to be looked at on 2026-03-20, and no unit has taken it up:"),
        ("a,shop,service,h,change_lead_time,down,4,2026-01-02,2026-03-21,2026-01-01T00:00:00Z\n", None),
        ("a,shop,service,h,change_lead_time,down,4,2025-01-02,2025-12-01,2025-01-01T00:00:00Z\n", None),
    ],
)  # fmt: skip
def test_the_ledger_of_changes(tmp_path: Path, rows: str, finding: str | None) -> None:
    said = [sentence for sentence in found(tmp_path, interventions=_LEDGER + rows) if "The change" in sentence]
    assert len(said) == (finding is not None)
    assert all(sentence.startswith(finding or "") for sentence in said)


def test_a_ledger_that_is_not_read(tmp_path: Path) -> None:
    root = folder(tmp_path, **WHOLE)
    (root / "interventions.jsonl").write_text("", encoding="utf-8")
    assert findings(load(root)) == [
        'interventions.jsonl is not read. Add a [[source]] with kind = "change_ledger" and paths = ["interventions.jsonl"].'
    ]


def test_a_change_on_which_was_decided_is_due_no_more(tmp_path: Path) -> None:
    rows = "a,shop,service,h,change_lead_time,down,4,2026-01-02,2026-03-10,2026-01-01T00:00:00Z\n"
    actions = "action_id,team_id,origin,origin_id,opened_on\nx,pay,retrospective,a,{}\n"
    for day, is_due in (("2026-03-09", True), ("2026-03-10", False)):
        said = found(tmp_path, interventions=_LEDGER + rows, actions=actions.format(day))
        assert any("was to be looked at" in sentence for sentence in said) == is_due
