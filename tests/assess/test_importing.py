"""``idp assess``: the page it writes, and answers brought into the data folder, once however often."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
import yaml
from click.testing import CliRunner, Result

from idp_analytics import scaffold, sources
from idp_analytics.assess import form
from idp_analytics.cli import cli
from idp_analytics.errors import SettingsError
from idp_analytics.settings.maturity_model import shipped
from idp_analytics.tables.conform import conform

A, B = shipped().items[:2]
SETTINGS = '[organisation]\nid = "acme"\nname = "Acme"\ntime_zone = "UTC"\n'


@pytest.fixture
def data(tmp_path: Path) -> Path:
    folder = tmp_path / "acme"
    folder.mkdir()
    (folder / "settings.toml").write_text(SETTINGS, encoding="utf-8")
    return folder


def run(*words: str) -> Result:
    return CliRunner().invoke(cli, ["assess", *map(str, words)])


def saved(folder: Path, name: str, at: str = "2026-07-01T08:00:00Z", team: str = "payments", **answers: str) -> Path:
    items = {"a": A.id, "b": B.id}
    body = {
        "form": "idp-self-assessment", "form_version": 1, "model_version": "1.0.0", "state": "final", "assessment_id": name,
        "team": team, "wave": "2026-Q3", "role": "user", "submitted_at": at,
        "answers": [{"item": items[key], "answer": value, "confidence": 2} for key, value in answers.items()],
    }  # fmt: skip
    path = folder / f"{name}-{at[11:13]}.json"
    path.write_text(json.dumps(body), encoding="utf-8")
    return path


def rows(data: Path) -> list[tuple[str, str, str]]:
    frame = pl.read_csv(data / "assessments.csv", infer_schema=False)
    return frame.select("assessment_id", "item_id", "answer").rows()


def test_brought_in_twice_nothing_changes(data: Path, tmp_path: Path) -> None:
    files = [saved(tmp_path, "x", a="1", b="unknown"), saved(tmp_path, "y", a="3")]
    found = run("import", "--data", data, *files)
    assert found.exit_code == 0, found.output
    assert "3 answers new, 0 changed" in found.output
    assert 'table = "assessments"' in found.stderr  # the settings do not read it yet
    before = (data / "assessments.csv").read_bytes()
    assert "0 answers new, 0 changed" in run("import", "--data", data, *reversed(files)).output
    assert (data / "assessments.csv").read_bytes() == before
    assert rows(data) == [
        ("self_assessment:x", A.id, "1"), ("self_assessment:x", B.id, "unknown"), ("self_assessment:y", A.id, "3"),
    ]  # fmt: skip


def test_a_form_saved_again_takes_the_place_of_the_first_and_never_the_other_way(data: Path, tmp_path: Path) -> None:
    early, late = saved(tmp_path, "x", a="1", b="2"), saved(tmp_path, "x", "2026-07-01T09:00:00Z", a="4")
    run("import", "--data", data, early)
    assert "0 answers new, 1 changed" in run("import", "--data", data, late).output
    assert rows(data) == [("self_assessment:x", A.id, "4")]
    assert "0 answers new, 0 changed" in run("import", "--data", data, early).output
    assert rows(data) == [("self_assessment:x", A.id, "4")]


def test_a_bad_file_is_set_aside_with_the_reason_and_the_others_come_in(data: Path, tmp_path: Path) -> None:
    good = saved(tmp_path, "x", a="1")
    (tmp_path / "broken.json").write_text('{"form": ', encoding="utf-8")
    (tmp_path / "other.json").write_text('{"colour": "green"}', encoding="utf-8")
    draft = tmp_path / "draft.json"
    draft.write_text(good.read_text(encoding="utf-8").replace('"final"', '"draft"'), encoding="utf-8")
    absent = tmp_path / "absent.json"
    found = run("import", "--data", data, tmp_path / "broken.json", good, tmp_path / "other.json", draft, absent)
    assert found.exit_code == 1
    told = dict(re.findall(r"^(\w+)\.json: set aside: (.*)$", found.output, re.MULTILINE))
    assert told.keys() == {"broken", "other", "draft", "absent"}
    assert "is a draft" in told["draft"]
    assert "holds nothing that Self-assessment exports" in told["other"]
    assert rows(data) == [("self_assessment:x", A.id, "1")]


def test_it_goes_into_the_file_the_settings_read_and_is_read_from_there(data: Path, tmp_path: Path) -> None:
    source = '\n[[source]]\nkind = "canonical"\ntable = "assessments"\npaths = ["voice/own.csv"]\n'
    (data / "settings.toml").write_text(SETTINGS + source, encoding="utf-8")
    (data / "voice").mkdir()
    header = "assessment_id,item_id,wave,team_id,model_version,answer,submitted_at,remark\n"
    (data / "voice" / "own.csv").write_text(
        header + f"old,{A.id},2026-Q1,payments,1.0.0,2,2026-01-05T00:00:00Z,ours\n", encoding="utf-8"
    )
    found = run("import", "--data", data, saved(tmp_path, "x", a="1", b="4"))
    assert (found.exit_code, found.stderr) == (0, "")
    (extract,) = sources.read("canonical", [data / "voice" / "own.csv"], {"table": "assessments"}, data)
    held = conform(extract, "canonical").rows.sort("assessment_id", "item_id")
    assert held["assessment_id"].to_list() == ["old", "self_assessment:x", "self_assessment:x"]
    assert held["confidence"].to_list() == [None, 2, 2]  # columns the file did not have are added
    assert "ours" in (data / "voice" / "own.csv").read_text(encoding="utf-8")  # a column of one's own stays


def test_a_table_that_is_something_else_is_not_written_over(data: Path, tmp_path: Path) -> None:
    (data / "assessments.csv").write_text("x,y\n1,2\n", encoding="utf-8")
    found = run("import", "--data", data, saved(tmp_path, "x", a="1"))
    assert found.exit_code != 0
    assert "is no file of assessments" in found.output
    assert (data / "assessments.csv").read_text(encoding="utf-8") == "x,y\n1,2\n"


def test_an_address_of_the_communitys_assessment_is_read_and_not_asked(data: Path) -> None:
    address = "https://example.org/?investment_1=1&investment_2=4&adoption_3=2&lang=en"
    found = run("import", "--data", data, "--team", "payments", "--as-of", "2026-05-04", address)
    assert found.exit_code == 0, found.output
    assert [row[1:] for row in rows(data)] == [
        ("community-investment-1", "1"), ("community-investment-2", "4"), ("community-adoption-3", "2"),
    ]  # fmt: skip
    assert run("import", "--data", data, "--team", "payments", "https://example.org/?lang=en").exit_code == 1


@pytest.mark.parametrize(
    ("name", "text"),
    [("a.yaml", "investment_1: 1\ninvestment_2: 4\nadoption_3: 2\n"), ("a.json", '{"answers": {"investment_1": 1, "investment_2": "4", "adoption_3": 2}}')],
)  # fmt: skip
def test_answers_of_the_community_come_as_a_file_too(data: Path, tmp_path: Path, name: str, text: str) -> None:
    (tmp_path / name).write_text(text, encoding="utf-8")
    found = run("import", "--data", data, "--team", "payments", "--as-of", "2026-05-04", tmp_path / name)
    assert found.exit_code == 0, found.output
    assert [row[1:] for row in rows(data)] == [
        ("community-investment-1", "1"), ("community-investment-2", "4"), ("community-adoption-3", "2"),
    ]  # fmt: skip


QUESTIONS = """
metadata: {language: en}
categories:
  - id: investment
    questions:
      - {text: "Who builds it?", field_name: investment_1, options: [{value: 1, level: Nobody, description: Nobody in particular}, {value: 2, level: A team, description: One team}]}
      - {text: "Who pays?", field_name: investment_2, options: [{value: 1, level: Nobody}, {value: 4, level: Everybody}]}
  - id: adoption
    questions:
      - {text: "Who uses it?", field_name: adoption_1, options: [{value: 3, level: Most}]}
"""


def test_answers_in_words_to_the_communitys_own_questions_are_its_model(data: Path, tmp_path: Path) -> None:
    (tmp_path / "questions.yaml").write_text(QUESTIONS, encoding="utf-8")
    table = "Timestamp,Who builds it?,Who pays?,Who uses it?\n2026-05-04 09:00:00,one team,EVERYBODY,Hardly anybody\n"
    (tmp_path / "answers.csv").write_text(table, encoding="utf-8")
    given = ("import", "--data", data, "--team", "payments", "--questions", tmp_path / "questions.yaml")
    found = run(*given, tmp_path / "answers.csv")
    assert found.exit_code == 0, found.output
    assert [row[1:] for row in rows(data)] == [("community-investment-1", "2"), ("community-investment-2", "4")]
    assert "1 × is none of the answers of its question" in found.output
    assert pl.read_csv(data / "assessments.csv")["model_version"].unique().to_list() == ["cncf-community-1"]
    (tmp_path / "questions.yaml").write_text("categories: []\n", encoding="utf-8")
    assert "holds no categories with questions" in run(*given, tmp_path / "answers.csv").output


def test_the_communitys_file_of_questions(data: Path, tmp_path: Path, cases: Path) -> None:
    """Every answer of every question of the real file, in its own words, is its level."""
    path = cases / "maturity" / "cncf-pemm-assessment" / "questions-en.yaml"
    asked = [one for category in yaml.safe_load(path.read_text(encoding="utf-8"))["categories"] for one in category["questions"]]  # fmt: skip
    options = [[option["description"] for option in one["options"]] for one in asked]
    table = pl.DataFrame({one["text"]: said for one, said in zip(asked, options, strict=True)})
    table.insert_column(0, pl.Series("Timestamp", [f"2026-05-0{day} 09:00:00" for day in range(1, 5)]))
    table.write_csv(tmp_path / "answers.csv")
    found = run("import", "--data", data, "--team", "payments", "--questions", path, tmp_path / "answers.csv")
    assert found.exit_code == 0, found.output
    frame = pl.read_csv(data / "assessments.csv", infer_schema=False)
    assert frame.height == 4 * len(asked) == 80
    for level, (_, answers) in enumerate(frame.group_by("assessment_id", maintain_order=True), 1):
        assert set(answers["answer"]) == {str(level)}
        assert answers["item_id"].to_list() == ["community-" + one["field_name"].replace("_", "-") for one in asked]


def test_answers_in_the_communitys_earlier_words(data: Path, cases: Path) -> None:
    """Against the levels worked out for both real responses; answers to other words are another model than those by number."""
    folder = cases / "maturity" / "dstengle-pemm-assessment-scoring"
    found = run(
        "import", "--data", data, "--team", "payments", "--dates", "month first", "--questions", folder / "Question-set.csv", folder / "respones.csv"
    )  # fmt: skip
    assert found.exit_code == 0, found.output
    frame = pl.read_csv(data / "assessments.csv", infer_schema=False)
    assert frame["model_version"].n_unique() == 1
    assert frame["model_version"][0] != "cncf-community-1"
    expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))["expected"]
    for wanted, (_, answers) in zip(expected, frame.group_by("assessment_id", maintain_order=True), strict=True):
        by_aspect = answers.with_columns(
            pl.col("item_id").str.split("-").list[1].alias("aspect"), pl.col("answer").cast(pl.Int64)
        )
        told = {name: group["answer"].to_list() for (name,), group in by_aspect.group_by("aspect")}
        assert told == {name.lower(): levels for name, levels in wanted["levels"].items()}


def test_init_recognises_saved_forms(tmp_path: Path) -> None:
    exports = tmp_path / "exports"
    exports.mkdir()
    saved(exports, "x", a="1")
    (found,) = scaffold.look(exports)
    assert found.kind == "self_assessment"
    text = scaffold.text(tmp_path, [found], "Acme")
    assert 'kind = "self_assessment"' in text


def test_the_page_trusts_only_its_own_script_and_style_and_names_no_other_place() -> None:
    text = form.page(shipped(), "2026-Q3", "payments")
    assert text == form.page(shipped(), "2026-Q3", "payments")
    (policy,) = re.findall(r'Content-Security-Policy" content="([^"]*)"', text)
    digests = re.findall(r"'sha256-([^']*)'", policy.replace("&#39;", "'"))
    parts = [
        *re.findall(r"<script>(.*?)</script>", text, re.DOTALL),
        *re.findall(r"<style>(.*?)</style>", text, re.DOTALL),
    ]
    assert digests == [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in parts]
    assert policy.startswith("default-src &#39;none&#39;; ")
    assert "unsafe" not in policy
    assert re.findall(r"https?://|//\w+\.\w+", text) == []
    assert re.findall(r' (?:style|on\w+)="', text) == []


def test_the_command_writes_the_form_of_a_team_that_is_there(tmp_path: Path) -> None:
    found = run(
        "form", "--data", "data/sample", "--team", "payments", "--wave", "2026-Q3", "--out", tmp_path / "form.html"
    )
    assert found.exit_code == 0, found.output
    text = (tmp_path / "form.html").read_text(encoding="utf-8")
    assert "payments · 2026-Q3" in text
    assert text.count('data-item="') == len(shipped().items)
    refused = run("form", "--data", "data/sample", "--team", "paymets", "--out", tmp_path / "form.html")
    assert refused.exit_code == 2
    assert "payments" in refused.output


def test_a_form_can_be_written_before_there_are_any_data(data: Path, tmp_path: Path) -> None:
    found = run("form", "--data", data, "--team", "payments", "--out", tmp_path / "form.html")
    assert found.exit_code == 0, found.output
    assert '<p class="kicker">payments</p>' in (tmp_path / "form.html").read_text(encoding="utf-8")


def test_a_model_whose_ids_are_those_of_other_parts_of_the_page_is_refused_before_anybody_answers() -> None:
    model = shipped()
    items = (replace(model.items[0], id="role"), replace(model.items[1], id="adoption"), *model.items[2:])
    with pytest.raises(SettingsError) as found:
        form.page(replace(model, items=items))
    told = str(found.value)
    assert "item 'role': the form has something else of that id; call it otherwise" in told
    assert "aspect 'adoption': the form has an aspect and an item of that id" in told
    assert "25 questions in 5 parts, about 15 minutes." in form.page(model)
