"""What the words mean, and where the numbers come from."""

from __future__ import annotations

from functools import cache

from idp_analytics.charts.wording import count, named
from idp_analytics.metrics import CATALOGUE, behind
from idp_analytics.report import cells, people_rows, words
from idp_analytics.report.mart import Mart
from idp_analytics.report.section import Section
from idp_analytics.report.view import View, of_all
from idp_analytics.tables import OF_PEOPLE

INPUTS = 200
"""The most files listed; a caption says how many more there are."""


@cache
def glossary() -> Section:
    """Every metric's definition, every verdict, the words all of them use, and what the columns of rows say."""
    return Section(
        question="What do the words mean?",
        answer=f"{count(len(CATALOGUE), 'metric')}, each with its formula, what is counted, and what happens where something "
        "is not known.",
        tables=(
            cells.table(
                "Verdicts",
                ({"Word": cells.verdict(v), "Meaning": said.meaning} for v, said in words.VERDICTS.items()),
                left=("Meaning",),
            ),
            cells.table(
                "Words", ({"Word": w, "Meaning": meaning} for w, meaning in words.TERMS.items()), left=("Meaning",)
            ),
            cells.table(
                "Columns of the files of rows behind numbers",
                ({"Column": column, "Meaning": meaning} for column, meaning in behind.SAYS.items()),
                left=("Meaning",),
            ),
        ),
        metrics=CATALOGUE,
        opened=True,
    )


def provenance(view: View) -> Section:
    """Inputs with hashes, the choices the numbers depend on, versions: all one needs to make the same report again."""
    return of_all(view.mart, provenance, lambda: _provenance(view.mart))


def _provenance(mart: Mart) -> Section:
    loads = mart.loads.sort("source", "table", "path")
    inputs = (
        {
            "File": named(row["path"]), "Source": named(row["source"]), "Table": row["table"],
            "Rows read": f"{row['rows_in']:,}", "Rows used": f"{row['rows_out']:,}", "SHA-256": row["sha256"][:16],
        }
        for row in loads.head(INPUTS).to_dicts()
    )  # fmt: skip
    choices = {
        "organisation": mart.meta["org"],
        "as-of time": mart.meta["as_of"],
        "time zone": mart.meta["time_zone"],
        **{
            f"rules.{name}": ", ".join(value) if isinstance(value, list) else str(value)
            for name, value in sorted(mart.meta["rules"].items())
        },
        **{f"calendar.{name}": value for name, value in mart.meta.get("calendar", {}).items()},
        "SHA-256 of the settings": mart.meta["settings_sha256"][:16],
    }
    aside = mart.rejected.height
    return Section(
        question="Where do these numbers come from?",
        answer=(
            f"Computed from {count(mart.loads.height, 'file')} as of {mart.as_of:%Y-%m-%d %H:%M} UTC; "
            f"{count(aside, 'row')} set aside. The same files, settings and versions give the same report."
        ),
        tables=(
            cells.table("Inputs", inputs, ("Source", "Table", "SHA-256"), max(0, loads.height - INPUTS)),
            cells.table("Settings", ({"Setting": k, "Value": named(v)} for k, v in choices.items()), left=("Value",)),
            cells.table(
                "Versions", ({"What": k, "Version": v} for k, v in mart.meta["versions"].items()), left=("Version",)
            ),
        ),
        cautions=(people_rows.SAID,) if loads["table"].is_in(OF_PEOPLE).any() else (),
        opened=True,
    )
