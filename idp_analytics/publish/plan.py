"""What a run is to make: of whom, for when, from which mart, and where each report lies."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import polars as pl

from idp_analytics.answers import ORG
from idp_analytics.charts.wording import named
from idp_analytics.paths import slug
from idp_analytics.publish import earlier, index, provenance
from idp_analytics.report.mart import Mart
from idp_analytics.report.view import team_names

WHOLE = "organisation"
"""The file name of the organisation's report."""

_SEPARATOR = "\n"
"""Between team ids: ``a`` and ``b`` together are not the one team ``a b``."""


@dataclass(frozen=True)
class Plan:
    """What a run will make: from which mart, for which period and (where not all) which ``teams``, by which notebooks."""

    mart: Mart
    label: str
    teams: tuple[str, ...]
    notebooks: Mapping[str, Path]

    @cached_property
    def told(self) -> dict[str, Any]:
        """All the run depends on (:func:`provenance.described`)."""
        return provenance.described(self.mart, self.label, self.teams, self.notebooks)

    @cached_property
    def key(self) -> str:
        """The run's key: the same for the same inputs, settings and code."""
        return provenance.key(self.told)

    @cached_property
    def facts(self) -> dict[str, tuple[tuple[str, str], ...]]:
        """Scope → what the footer of its reports says."""
        return {
            scope: provenance.facts(self.told, self.key, notebook.name) for scope, notebook in self.notebooks.items()
        }

    @cached_property
    def names(self) -> dict[str, str]:
        """Team id → name shown, the organisation (:data:`index.ALL`) first."""
        of_answers = self.mart.answers.filter(pl.col("scope") == "team")["entity_id"].unique().sort().to_list()
        return {index.ALL: named(self.mart.meta["title"]), **team_names(self.mart, self.teams or of_answers)}

    @property
    def published_as(self) -> str:
        """The name readers open; some teams only stand beside the whole, never in its place."""
        return f"{self.label}-{slug(_SEPARATOR.join(self.teams))}" if self.teams else self.label

    def file(self, entity: str) -> str:
        """Where an entity's report lies in the run's folder, without its ending."""
        return WHOLE if entity == index.ALL else f"teams/{slug(entity)}"

    def whose(self, entity: str) -> tuple[str, str]:
        """Scope and id of an entity in the answers."""
        return ("org", ORG) if entity == index.ALL else ("team", entity)

    def given(self, entity: str) -> dict[str, str]:
        """The parameters of an entity's notebook."""
        return given(entity, self.label)


def given(entity: str, label: str) -> dict[str, str]:
    """The parameters of an entity's notebook for the period ``label``; the mart's path is seen from the report, so that the published
    notebook runs again where it lies."""
    if entity == index.ALL:
        return {"mart": earlier.MART, "period": label}
    return {"mart": f"../{earlier.MART}", "period": label, "team": entity}
