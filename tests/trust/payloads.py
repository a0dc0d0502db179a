"""What is spoilt: the synthetic company's own exports of every system, its tables, bills and repositories, and all that people write
by hand, each cut to a few rows; and what must hold of each when it is read.

With the reference cases at hand (``IDP_CASES``) their real exports are spoilt too.
"""

from __future__ import annotations

import csv
import gzip
import io
import json
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics import sources
from idp_analytics.assess.importing import TARGET, bring_in
from idp_analytics.errors import IdpError
from idp_analytics.organisation import load
from idp_analytics.settings import read as read_settings
from idp_analytics.settings.maturity_model import shipped
from idp_analytics.sources import sample
from idp_analytics.sources.sample import native as dialects
from idp_analytics.tables import LINEAGE, TABLES, Extract
from idp_analytics.tables.conform import conform

REPOSITORY = Path(__file__).resolve().parents[2]
CASES = Path(os.environ.get("IDP_CASES", REPOSITORY.parent / "shared" / "cases"))
AS_OF = datetime(2026, 7, 1, tzinfo=UTC)
MOST = 12
"""Rows or documents of each list that are kept."""

_LINEAGE = {column.name for column in LINEAGE}


@dataclass(frozen=True)
class Seed:
    """Good files (name → unpacked bytes), and ``read``, which is given their folder and tells how many rows came out; it raises
    ``AssertionError`` where counts do not add up."""

    name: str
    files: Mapping[str, bytes]
    read: Callable[[Path], int]
    spoilt: tuple[str, ...] = field(default=())
    """The files that are spoilt; empty: all."""


def written(seed: Seed, folder: Path, other: Mapping[str, bytes] | None = None) -> None:
    """Write the files of a seed, those in ``other`` as they are there."""
    for name, data in {**seed.files, **(other or {})}.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)


def seeds() -> dict[str, list[Seed]]:
    """What is spoilt, by target."""
    found: dict[str, list[Seed]] = {kind: [of_system(kind)] for kind in dialects.kinds()}
    found["canonical"] = list(_canonical())
    found["focus"] = [_focus()]
    found["git"] = [_git()]
    found["settings"] = list(_by_hand())
    found["folder"] = [_folder()]
    found["manifests"] = list(_manifests())
    found["assessments"] = list(_assessments())
    for kind, cases in _cases():
        found[kind] = [*found.get(kind, []), *cases]
    return found


# --- counting ---------------------------------------------------------------------------------------------------------


def add_up(extracts: list[Extract], source: str, zone: str | None = None) -> int:
    """Rows kept of all extracts; what came in is what was kept, set aside or left out, of each."""
    kept = 0
    for extract in extracts:
        load = conform(extract, source, zone).load.row(0, named=True)
        dropped = json.loads(load["dropped"])
        assert load["rows_in"] == load["rows_out"] + sum(dropped.values()), (extract.path, load)
        assert all(count > 0 and isinstance(reason, str) and reason for reason, count in dropped.items()), dropped
        kept += load["rows_out"]
    return kept


# --- systems ----------------------------------------------------------------------------------------------------------


@cache
def company() -> Mapping[str, pl.DataFrame]:
    """A small company."""
    return sample.generate(teams=4, months=3).tables


def cut(value: Any) -> Any:
    """A document with every list cut short."""
    if isinstance(value, dict):
        return {name: cut(one) for name, one in value.items()}
    return [cut(one) for one in value[:MOST]] if isinstance(value, list) else value


def _table_cut(text: str) -> bytes:
    rows = list(csv.reader(io.StringIO(text, newline="")))[: MOST + 3]
    written = io.StringIO(newline="")
    csv.writer(written, lineterminator="\n").writerows(rows)
    return written.getvalue().encode()


def _cut_text(name: str, text: str) -> bytes:
    if name.endswith(".csv"):
        return _table_cut(text)
    if name.endswith(".jsonl"):
        return "".join(text.splitlines(keepends=True)[:MOST]).encode()
    if name.endswith((".yaml", ".yml")):
        return "---".join(text.split("---")[: MOST + 1]).encode()
    return (json.dumps(cut(json.loads(text)), ensure_ascii=False) + "\n").encode()


def of_system(kind: str) -> Seed:
    """The company as that system exports it."""
    files = {}
    for name, content in dialects.dialect(kind).files(company()).items():
        plain = name.removesuffix(".gz")
        data = _cut_text(plain, content) if isinstance(content, str) else dialects.written(plain, cut(content))
        # Snapshots are packed, and nothing else needs to be.
        files[name if name.startswith("snapshots/") else plain] = data
    given = {"as_of": AS_OF, **dialects.dialect(kind).OPTIONS}
    zone = given.pop("time_zone", None)
    return Seed(kind, files, _reader(kind, given, zone))


def _reader(kind: str, options: Mapping[str, Any], zone: str | None = None) -> Callable[[Path], int]:
    def read(folder: Path) -> int:
        paths = sorted(path for path in folder.rglob("*") if path.is_file())
        assert sources.check(kind, options) == []
        return add_up(sources.read(kind, paths, options, folder), kind, zone)

    return read


_CASE_OPTIONS: Mapping[str, Mapping[str, Any]] = {
    "jira": {"team_field": "customfield_1", "service_field": "customfield_2"},
}
_LARGEST_CASE = 60_000


def _cases() -> Iterator[tuple[str, list[Seed]]]:
    """Real exports, each by itself; those that are not read as they are, are left out."""
    folder = CASES / "sources"
    for kind in dialects.kinds() if folder.is_dir() else ():
        options = {"as_of": AS_OF, **dialects.dialect(kind).OPTIONS, **_CASE_OPTIONS.get(kind, {})}
        zone = options.pop("time_zone", "UTC")
        found = [
            Seed(f"{kind}/{path.name}", {path.name: data}, _reader(kind, options, zone))
            for path in sorted((folder / kind).glob("*.*"))
            if path.suffix in (".json", ".jsonl", ".csv", ".yaml") and len(data := path.read_bytes()) < _LARGEST_CASE
        ]
        yield kind, found


# --- our own tables, bills, repositories ------------------------------------------------------------------------------


def plain(frame: pl.DataFrame) -> pl.DataFrame:
    """A table as a CSV file has it, without where its rows came from."""
    frame = frame.drop(_LINEAGE, strict=False)
    lists = [name for name, dtype in frame.schema.items() if dtype == pl.List]
    return frame.with_columns(pl.col(name).list.join("; ") for name in lists)


def _canonical() -> Iterator[Seed]:
    for name, frame in company().items():
        if name == "loads" or not frame.height or name not in TABLES:
            continue
        few = frame.head(MOST).drop(_LINEAGE, strict=False)
        read = _reader("canonical", {"table": name}, "Europe/Berlin")
        yield Seed(f"{name}.csv", {f"{name}.csv": plain(few).write_csv().encode()}, read)
        yield Seed(f"{name}.jsonl", {f"{name}.jsonl": plain(few).write_ndjson().encode()}, read)
        parquet = io.BytesIO()
        few.write_parquet(parquet)
        yield Seed(f"{name}.parquet", {f"{name}.parquet": parquet.getvalue()}, read)


def _focus() -> Seed:
    bill = gzip.decompress((REPOSITORY / "data/sample/costs/focus-1.2.csv.gz").read_bytes()).decode()
    options = {
        "team_tags": ["team", "owner"],
        "service_tags": ["service"],
        "accounts": [{"account": "005500112233", "team": "payments"}],
    }
    return Seed(
        "focus",
        {"focus.csv": _table_cut("".join(bill.splitlines(keepends=True)[: MOST + 1]))},
        _reader("focus", options),
    )


def _git() -> Seed:
    bundle = (REPOSITORY / "data/sample/repos/lark-search.bundle").read_bytes()
    return Seed("git", {"lark-search.bundle": bundle}, _reader("git", {}))


# --- what people write by hand ----------------------------------------------------------------------------------------

SETTINGS = """
[organisation]
id = "small"
name = "Small"
time_zone = "Europe/Berlin"
as_of = 2026-07-01T00:00:00Z

[rules]
link_hours = 24
level = 0.95
hotfix_words = ["hotfix"]

[calendar]
working_days = ["monday", "tuesday"]
working_hours = "09:00-17:00"
night_hours = "22:00-07:00"
holidays = "DE-BE"
extra_holidays = [2026-12-24]

[showback]
developer_hour = 70
currency = "EUR"

[[pool]]
id = "support"
title = "Support"
take = { component = "Support" }
by = "fixed"
shares = { pay = 40, web = 60 }

[[component]]
id = "portal"
title = "Portal"
usage = ["portal"]
take = { service = "portal" }

[[tool]]
decision = "portal"
id = "hosted"
title = "Hosted portal"
currency = "EUR"
discount_rate = 0.08
years = 2
[[tool.cost]]
kind = "licences"
name = "Seats"
up_front = 10
yearly = "1200.50"
growth = 0.1
low = 0.9
committed_years = 2
[[tool.cost]]
kind = "people"
fte = 1.5
loaded_rate = 90000
high = 2
[[tool.exit]]
kind = "re-integration"
years = { 1 = 5, 2 = 7.5 }

[[question]]
id = "documentation@2"
wording = "Do you find it?"
ends = ["never", "always"]

[survey]
closes_after_days = 21

[[phase]]
from = 2026-03-01
cause = "a new pipeline"

[[outlier]]
on = 2026-03-09
cause = "a move"

[[target]]
metric = "deployment_frequency"
value = 1.5
by = 2026-12-31

[[scorecard_rule]]
scorecard = "s"
rule = "owner-set"
seen_as = "owner"

[[source]]
name = "pipelines"
kind = "canonical"
table = "deployments"
paths = ["deployments.csv"]
time_zone = "Europe/Berlin"
constants = { kind = "application" }
[source.columns]
environment = "environment"
[source.values]
environment = { PROD = "production" }

[[source]]
kind = "github"
paths = ["github/*.json"]
people = "keep"
service_pattern = "small/(.+)"
environments = { ".*prod.*" = "production" }
as_of = 2026-07-01T00:00:00Z
"""


def _settings_of(folder: Path) -> int:
    return len(read_settings(folder, sources.check).sources)


def _by_hand() -> Iterator[Seed]:
    place = REPOSITORY / "idp_analytics" / "settings"
    both = {
        "themes.yaml": (place / "themes.yaml").read_bytes(),
        "maturity_model.toml": (place / "maturity_model.toml").read_bytes(),
    }
    yield Seed("settings.toml", {"settings.toml": SETTINGS.encode()}, _settings_of)
    least = b'[organisation]\nid = "small"\n'
    yield Seed(
        "themes.yaml", {"settings.toml": least, "themes.yaml": both["themes.yaml"]}, _settings_of, ("themes.yaml",)
    )
    model = {"settings.toml": least, "maturity_model.toml": both["maturity_model.toml"]}
    yield Seed("maturity_model.toml", model, _settings_of, ("maturity_model.toml",))
    sample_settings = (REPOSITORY / "data/sample/settings.toml").read_bytes()
    yield Seed("settings.toml of the sample", {"settings.toml": sample_settings}, _settings_of)


# --- a whole folder ---------------------------------------------------------------------------------------------------


def _folder() -> Seed:
    names = (
        "teams",
        "services",
        "ownership",
        "aliases",
        "operations",
        "deployments",
        "changes",
        "incidents",
        "costs",
        "interventions",
        "survey_responses",
    )
    tables = {name: company()[name] for name in names if name in company() and company()[name].height}
    blocks = "".join(
        f'[[source]]\nkind = "canonical"\ntable = "{name}"\npaths = ["{name}.csv"]\ntime_zone = "Europe/Berlin"\n'
        for name in tables
    )
    files = {f"{name}.csv": plain(frame.head(MOST)).write_csv().encode() for name, frame in tables.items()}

    def read(folder: Path) -> int:
        org = load(folder)
        kept = 0
        for row in org.tables["loads"].iter_rows(named=True):
            assert row["rows_in"] == row["rows_out"] + sum(json.loads(row["dropped"]).values()), row
            kept += row["rows_out"]
        assert kept == sum(frame.height for name, frame in org.tables.items() if name != "loads")
        return kept

    return Seed(
        "folder", {"settings.toml": ('[organisation]\nid = "small"\n' + blocks).encode(), **files}, read, tuple(files)
    )


# --- manifests of bills, and answers that are brought in -----------------------------------------------------------------


def _manifests() -> Iterator[Seed]:
    """A bill that a provider's manifest names, of which the manifest is spoilt."""
    (name, data), *_ = of_system("aws_cur").files.items()
    period = {"start": "20260601T000000.000Z", "end": "20260701T000000.000Z"}
    named = {
        "dataFiles": {"dataFiles": [f"s3://bills/{name}"], "billingPeriod": period, "exportName": "cur"},
        "reportKeys": {
            "reportKeys": [f"cur/{name}"],
            "billingPeriod": period,
            "reportName": "cur",
            "assemblyId": "a-1",
        },
        "files": {"files": [name]},
    }
    options = {"as_of": AS_OF, **dialects.dialect("aws_cur").OPTIONS}
    for way, manifest in named.items():
        files = {f"bill/{name}": data, "bill/cur-Manifest.json": json.dumps(manifest).encode()}
        yield Seed(way, files, _reader("aws_cur", options), ("bill/cur-Manifest.json",))


def _assessments() -> Iterator[Seed]:
    """``idp assess import``: a form that was saved, a table that answers in words, and the file that answers go into."""
    least = {"settings.toml": b'[organisation]\nid = "small"\n'}
    items = shipped().items
    form = {
        "form": "idp-self-assessment", "form_version": 1, "model_version": shipped().version, "state": "final", "assessment_id": "a", "team": "pay",
        "wave": "2026-Q2", "role": "user", "submitted_at": "2026-06-20T08:00:00Z",
        "answers": [{"item": item.id, "answer": "2", "confidence": 2} for item in items[:MOST]],
    }  # fmt: skip
    yield Seed("form", {**least, "form.json": json.dumps(form).encode()}, _brought("form.json"), ("form.json",))
    asked = ("How is it funded?", "Who decides?", "What is measured?", "Who asks for it?")
    said = ("not", "a little", "well", "by value")
    questions = "".join(f"Investment,{question},{','.join(said)}\n" for question in asked)
    words = {
        "questions.csv": f"Category,Question,L1,L2,L3,L4\n{questions}".encode(),
        "answers.csv": f"Timestamp,{','.join(asked)}\n2026-06-20T08:00:00Z,{','.join(said)}\n".encode(),
    }
    yield Seed("words", {**least, **words}, _brought("answers.csv", "questions.csv"), tuple(words))
    held = b"assessment_id,item_id,answer\nb,x,2\n"
    files = {**least, "form.json": json.dumps(form).encode(), TARGET: held}
    yield Seed("answers that are there", files, _brought("form.json"), (TARGET,))


def _brought(file: str, questions: str | None = None) -> Callable[[Path], int]:
    def read(folder: Path) -> int:
        words = folder / questions if questions else None
        settings = read_settings(folder, sources.check)
        done = bring_in([str(folder / file)], settings, {"team": "payments"}, words)
        assert all(one.refused is None or one.refused.strip() for one in done.files)
        kept = sum(one.answers for one in done.files)
        assert done.new + done.changed <= kept
        again = bring_in([str(folder / file)], settings, {"team": "payments"}, words)
        assert (again.new, again.changed) == (0, 0), "brought in twice"
        return kept

    return read


def is_ours(error: BaseException) -> bool:
    """An error of ours, with something to say."""
    return isinstance(error, IdpError) and bool(str(error).strip())
