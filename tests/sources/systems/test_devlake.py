"""Apache DevLake by its tables: what is read of each, and what is not guessed."""

from __future__ import annotations

from datetime import UTC, datetime

import polars as pl
import pytest

from idp_analytics import sources
from idp_analytics.errors import SourceError
from idp_analytics.sources.systems.devlake import table_of
from idp_analytics.tables.conform import conform
from idp_analytics.tables.pseudonyms import pseudonym


def write(folder, **texts):
    paths = []
    for name, text in texts.items():
        paths.append(folder / f"{name}.csv")
        paths[-1].write_text("\n".join(line.strip() for line in text.strip().splitlines()) + "\n")
    return paths


def read(folder, paths, **options):
    found = {}
    for extract in sources.read("devlake", paths, options, folder):
        done = conform(extract, "devlake")
        assert done.rejected.is_empty()
        found.setdefault(extract.table, []).append(done.rows)
    return {table: pl.concat(frames).to_dicts() for table, frames in found.items()}


def at(*parts):
    return datetime(*parts, tzinfo=UTC)


DEPLOYMENTS = """
    id,cicd_scope_id,result,status,original_status,original_result,environment,original_environment,queued_date,started_date,finished_date
    d1,job1,SUCCESS,DONE,,success,PRODUCTION,prod-eu,2026-3-2 9:00:00,2026-03-02T09:01:00.000+00:00,2026-03-02T10:02:00.000+01:00
    d2,job1,FAILURE,DONE,,canceled,PRODUCTION,prod-eu,,2026-03-02 10:00:00,2026-03-02 10:00:30
    d3,job1,FAILURE,DONE,,failed,,staging,,,2026-03-02 11:00:00
    d4,job1,,IN_PROGRESS,running,,,somewhere,,2026-03-02 12:00:00,
    d5,job2,SOMETHING,OTHER,,,,,,,2026-03-02 13:00:00
"""


def test_deployments(tmp_path):
    found = read(tmp_path, write(tmp_path, cicd_deployments=DEPLOYMENTS))["deployments"]
    told = [
        (r["deployment_id"], r["service_id"], r["environment"], r["environment_raw"], r["outcome"], r["outcome_raw"])
        for r in found
    ]
    assert told == [
        ("devlake:d1", "job1", "production", "prod-eu", "success", "success"),
        ("devlake:d2", "job1", "production", "prod-eu", "cancel", "canceled"),
        ("devlake:d3", "job1", "staging", "staging", "failure", "failed"),
        ("devlake:d4", "job1", None, "somewhere", None, "running"),
        ("devlake:d5", "job2", None, None, None, "SOMETHING"),
    ]
    first = found[0]
    assert (first["queued_at"], first["started_at"], first["finished_at"]) == (
        at(2026, 3, 2, 9), at(2026, 3, 2, 9, 1), at(2026, 3, 2, 9, 2),
    )  # fmt: skip
    assert found[3]["finished_at"] is None


def test_an_environment_it_does_not_know_is_named_by_the_settings(tmp_path):
    paths = write(tmp_path, cicd_deployments=DEPLOYMENTS)
    found = read(tmp_path, paths, environments={"some.+": "test", "prod-eu": "staging"})["deployments"]
    # DevLake's own classification wins over the settings' reading of the source's word.
    assert [row["environment"] for row in found] == ["production", "production", "staging", "test", None]


COMMITS = """
    id,cicd_deployment_id,cicd_scope_id,commit_sha,repo_url,result,environment,started_date,finished_date
    c1,d1,job1,aaa,r1,SUCCESS,PRODUCTION,2026-03-02 09:01:00,2026-03-02 09:02:00
    c2,d1,job1,bbb,r2,FAILURE,PRODUCTION,2026-03-02 09:00:00,2026-03-02 09:03:00
    c3,d2,job1,ccc,r1,SUCCESS,PRODUCTION,2026-03-02 10:00:00,2026-03-02 10:02:00
    c3,d2,job1,ccc,r1,SUCCESS,PRODUCTION,2026-03-02 10:00:00,2026-03-02 10:02:00
"""


def test_several_repositories_are_one_deployment_that_is_well_when_all_are(tmp_path):
    found = read(tmp_path, write(tmp_path, cicd_deployment_commits=COMMITS))["deployments"]
    assert [(r["deployment_id"], r["sha"], r["outcome"], r["started_at"], r["finished_at"]) for r in found] == [
        ("devlake:d1", None, "failure", at(2026, 3, 2, 9), at(2026, 3, 2, 9, 3)),
        ("devlake:d2", "ccc", "success", at(2026, 3, 2, 10), at(2026, 3, 2, 10, 2)),
    ]


MAPPING = """
    project_name,table,row_id
    shop,cicd_scopes,job1
    shop,repos,repo1
    basket,repos,repo1
    shop,boards,board1
"""
PULLS = """
    id,base_repo_id,author_id,merge_commit_sha,title,additions,deletions,created_date,merged_date,closed_date
    p1,repo1,a1,aaa,Make it faster,10,5,2026-03-01 08:00:00,2026-03-01 12:00:00,2026-03-01 12:00:00
    p2,repo9,,,Not merged,,,2026-03-01 08:00:00,,
"""
METRICS = """
    id,project_name,pr_cycle_time,first_commit_authored_date,first_comment_date,deployment_commit_id
    p1,shop,100,2026-02-28 08:00:00,2026-03-01 09:00:00,c3
"""


def test_changes_their_deployment_and_the_project_as_service(tmp_path):
    paths = write(
        tmp_path, pull_requests=PULLS, project_pr_metrics=METRICS, project_mapping=MAPPING, cicd_deployment_commits=COMMITS,
        repos="id,name\nrepo1,acme/shop", cicd_scopes="id,name\njob1,Shop pipeline",
    )  # fmt: skip
    found = read(tmp_path, paths)
    one, two = found["changes"]
    # repo1 is in two projects: the first by name has it.
    assert (one["change_id"], one["service_id"], one["repo"], one["author_id"], one["lines"], one["title"]) == (
        "devlake:p1", "basket", "acme/shop", pseudonym("a1"), 15, "Make it faster",
    )  # fmt: skip
    assert (one["first_commit_at"], one["opened_at"], one["first_review_at"], one["merged_at"], one["closed_at"]) == (
        at(2026, 2, 28, 8), at(2026, 3, 1, 8), at(2026, 3, 1, 9), at(2026, 3, 1, 12), at(2026, 3, 1, 12),
    )  # fmt: skip
    assert (two["service_id"], two["author_id"], two["sha"], two["lines"], two["merged_at"]) == (
        "repo9",
        None,
        None,
        None,
        None,
    )
    assert [(r["deployment_id"], r["change_id"], r["derived"]) for r in found["deployment_changes"]] == [
        ("devlake:d2", "devlake:p1", True)
    ]
    assert [r["service_id"] for r in found["services"]] == ["shop", "basket"]
    assert [r["service_id"] for r in found["deployments"]] == ["shop", "shop"]
    scopes = read(tmp_path, paths, service="scope")
    assert [(r["service_id"], r["name"]) for r in scopes["services"]] == [("job1", "Shop pipeline")]
    assert scopes["changes"][0]["service_id"] == "repo1"


def test_incidents_of_both_ages_and_their_cause(tmp_path):
    paths = write(
        tmp_path,
        project_mapping=MAPPING,
        incidents="""
            id,table,scope_id,severity,created_date,resolution_date
            i1,boards,board1,P2,2026-03-02 10:00:00,2026-03-02 11:00:00
            i2,boards,board9,,2026-03-02 12:00:00,
        """,
        issues="""
            id,issue_key,type,original_type,status,original_status,priority,created_date,resolution_date
            o1,1,INCIDENT,,TODO,triggered,high,2026-03-02 13:00:00,
            t1,2,REQUIREMENT,Story,TODO,Fertig,Medium,2026-03-01 10:00:00,2026-03-04 10:00:00
            t2,3,BUG,,IN_PROGRESS,doing,,2026-03-01 11:00:00,
            t3,4,,Wunsch,STRANGE,?,,2026-03-01 12:00:00,
        """,
        board_issues="board_id,issue_id\nboard1,o1\nboard1,t1",
        project_incident_deployment_relationships="id,project_name,deployment_id\ni1,shop,d2",
    )
    found = read(tmp_path, paths)
    assert [
        (
            r["incident_id"],
            r["service_id"],
            r["severity"],
            r["severity_raw"],
            r["deployment_id"],
            r["change_caused"],
            r["resolved_at"],
        )
        for r in found["incidents"]
    ] == [
        ("devlake:i1", "shop", 2, "P2", "devlake:d2", True, at(2026, 3, 2, 11)),
        ("devlake:i2", "board9", None, None, None, None, None),
        ("devlake:o1", "shop", None, "high", None, None, None),
    ]
    assert [
        (r["ticket_id"], r["service_id"], r["category"], r["status"], r["status_raw"]) for r in found["tickets"]
    ] == [
        ("devlake:t1", "shop", "REQUIREMENT", "done", "Fertig"),
        ("devlake:t2", None, "BUG", "open", "doing"),
        ("devlake:t3", None, "Wunsch", None, "?"),
    ]


def test_people_are_pseudonyms_and_an_account_is_its_users(tmp_path):
    paths = write(
        tmp_path,
        users="id,name,email\nU1,Somebody,somebody@example.invalid",
        accounts="id,user_name,full_name,email\na1,some,Some Body,somebody@example.invalid\na2,other,Other,",
        user_accounts="account_id,user_id\na1,U1",
        teams="id,name,parent_id,sorting_index\nT1,Shop,,0\nT2,Basket,T1,1",
        team_users="team_id,user_id\nT1,U1",
    )
    found = read(tmp_path, paths)
    assert [r["person_id"] for r in found["people"]] == [pseudonym("U1"), pseudonym("a2")]
    assert [(r["kind"], r["alias"], r["canonical_id"]) for r in found["aliases"]] == [
        ("person", pseudonym("a1"), pseudonym("U1"))
    ]
    assert [(r["team_id"], r["name"], r["parent_team_id"], r["kind"]) for r in found["teams"]] == [
        ("T1", "Shop", None, None), ("T2", "Basket", "T1", None),
    ]  # fmt: skip
    assert [(r["person_id"], r["team_id"]) for r in found["memberships"]] == [(pseudonym("U1"), "T1")]
    assert "example.invalid" not in repr(found)


@pytest.mark.parametrize(
    ("file", "header", "table"),
    [
        ("cicd_deployments.csv.gz", (), "cicd_deployments"),
        ("export.csv", ("id", "issue_key", "type", "original_status"), "issues"),
        ("x.csv", ("project_name", "table", "row_id"), "project_mapping"),
        ("x.csv", ("colour",), None),
    ],
)
def test_which_table_a_file_is(file, header, table):
    assert table_of(file, header) == table


@pytest.mark.parametrize(
    "files",
    [
        {"cicd_deployment_commits": "id,cicd_deployment_id,result,finished_date\na,b,SUCCESS,2026-03-02 10:00:00"},
        {"issues": "id,title\n1,x"},
        {"project_mapping": "project_name,row_id\np,r", "cicd_deployments": DEPLOYMENTS},
    ],
)
def test_a_column_that_is_not_there_is_named(tmp_path, files):
    with pytest.raises(SourceError, match=r"no column .*Export every column"):
        read(tmp_path, write(tmp_path, **files))


def test_a_collected_table_is_known_by_its_name(tmp_path):
    (path,) = write(tmp_path, cicd_deployments=DEPLOYMENTS)
    folder = tmp_path / "snapshots" / "devlake"
    folder.mkdir(parents=True)
    kept = path.rename(folder / f"20260301T060000Z-{'0' * 12}-cicd_deployments.csv")
    assert len(read(tmp_path, [kept])["deployments"]) == 5


def test_a_state_that_comes_back_has_the_last_word(tmp_path):
    head = "id,cicd_scope_id,result,environment,finished_date,original_environment,original_result"
    folder = tmp_path / "snapshots" / "devlake"
    folder.mkdir(parents=True)
    paths = []
    for day, result in ((1, "SUCCESS"), (2, "FAILURE"), (0, "SUCCESS")):
        name = f"2026030{day}T060000Z-{day:012d}-cicd_deployments.csv"
        paths.append(folder / name if day else tmp_path / "cicd_deployments.csv")
        paths[-1].write_text(f"{head}\nd1,s,{result},PRODUCTION,2026-03-01 00:00:00,,\n")
    assert [row["outcome"] for row in read(tmp_path, paths)["deployments"]][-1] == "success"


def test_what_is_no_table_of_devlake_is_refused(tmp_path):
    with pytest.raises(SourceError, match=r"colours\.csv: is no table of Apache DevLake .* Found columns hue, value"):
        sources.read("devlake", write(tmp_path, colours="hue,value\ngreen,1"), {}, tmp_path)
    with pytest.raises(SourceError, match="neither files nor a database"):
        sources.read("devlake", [], {}, tmp_path)


def test_an_empty_export_has_its_line(tmp_path):
    (extract,) = sources.read(
        "devlake", write(tmp_path, cicd_deployments=DEPLOYMENTS.strip().splitlines()[0]), {}, tmp_path
    )
    assert (extract.table, extract.frame.height, extract.path) == ("deployments", 0, "cicd_deployments.csv")
    assert extract.warnings


def test_commits_of_no_deployment_are_counted_and_are_none(tmp_path):
    text = """
        id,cicd_deployment_id,cicd_scope_id,commit_sha,result,original_result,environment,original_environment,finished_date
        1,,s,aa,SUCCESS,,PRODUCTION,,2026-06-01 00:00:00
        2,,s,bb,FAILURE,,PRODUCTION,,2026-06-02 00:00:00
        3,d1,s,cc,SUCCESS,,PRODUCTION,,2026-06-03 00:00:00
    """
    (extract,) = sources.read("devlake", write(tmp_path, cicd_deployment_commits=text), {}, tmp_path)
    assert extract.frame["deployment_id"].to_list() == ["devlake:d1"]
    assert extract.dropped == {"is a commit of no deployment (no cicd_deployment_id)": 2}


def test_a_broken_row_is_counted_once(tmp_path):
    text = DEPLOYMENTS.strip() + "\n    d6,too,few"
    extracts = sources.read("devlake", write(tmp_path, cicd_deployments=text), {}, tmp_path)
    assert sum(sum(extract.dropped.values()) for extract in extracts) == 1


# --- reference cases --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lake(cases):
    folder = cases / "sources" / "devlake"
    if not folder.is_dir():
        pytest.skip(f"no such case: {folder}")
    return folder


def test_deployments_as_devlake_converts_them(lake):
    found = read(lake, [lake / "cicd_deployments.csv"])["deployments"]
    assert [r["outcome"] for r in found] == ["success", "success", "failure", "cancel", None, None, None, None]
    assert [r["environment"] for r in found] == ["staging"] * 3 + ["production"] * 2 + ["staging"] * 2 + ["production"]


def test_deployments_from_their_commits(lake):
    raw = pl.read_csv(lake / "cicd_deployment_commits.csv", infer_schema=False)
    assert raw.height == 16
    found = read(lake, [lake / "cicd_deployment_commits.csv"])["deployments"]
    assert sorted(r["deployment_id"] for r in found) == sorted(
        f"devlake:{name}" for name in set(raw["cicd_deployment_id"])
    )
    assert all(r["started_at"] for r in found if r["outcome"])


def test_pull_requests_and_the_lead_time_of_the_oracle(lake):
    found = {
        r["change_id"]: r for r in read(lake, [lake / "pull_requests.csv", lake / "project_pr_metrics.csv"])["changes"]
    }
    assert len(found) == 7
    one = found["devlake:pr1"]
    minutes = [
        (one["opened_at"] - one["first_commit_at"]).total_seconds() / 60, (one["first_review_at"] - one["opened_at"]).total_seconds() / 60,
        (one["merged_at"] - one["first_review_at"]).total_seconds() / 60,
    ]  # fmt: skip
    assert minutes == [1440, 5, 55]


def test_the_whole_folder(lake):
    found = read(lake, sorted(lake.glob("*.csv")))
    assert {name: len(rows) for name, rows in found.items()} == {
        "deployments": 8, "changes": 7, "deployment_changes": 3, "incidents": 10, "tickets": 30, "services": 2, "people": 17, "aliases": 3,
    }  # fmt: skip
    causes = {r["incident_id"]: r["deployment_id"] for r in found["incidents"] if r["deployment_id"]}
    oracle = pl.read_csv(lake / "project_incident_deployment_relationships.csv", infer_schema=False)
    assert {f"devlake:{i}": f"devlake:{d}" for i, _, d in oracle.iter_rows()}.items() >= causes.items()
    assert len(causes) >= 6
