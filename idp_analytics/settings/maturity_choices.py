"""What one company says of a maturity model: thresholds of its own, and of whom a criterion is not asked."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from idp_analytics.errors import nearest
from idp_analytics.settings.maturity_model import EXCUSES, OWN, Criterion, Exemption, Model, told
from idp_analytics.settings.toml_reader import TomlReader


def chosen(
    model: Model, thresholds: Sequence[TomlReader], exemptions: Sequence[TomlReader], problems: list[str]
) -> Model:
    """``model`` with ``[[maturity_threshold]]`` and ``[[maturity_exemption]]`` of a company; what is wrong is added to ``problems``."""
    criteria = {criterion.id: criterion for criterion in model.criteria}
    moved: list[str] = []
    for entry in thresholds:
        name, at, reason = (
            entry.text("criterion", None),
            entry.number("at", math.nan, -math.inf),
            entry.text("reason", None),
        )
        entry.done()
        if not _known(entry, name, criteria) or not told(entry, at=None if math.isnan(at) else at, reason=reason):
            continue
        if name in moved:
            problems.append(f"{entry.where}{name!r} is moved already; say it once")
            continue
        moved.append(str(name))
        criteria[str(name)] = replace(criteria[str(name)], threshold=at, provenance=f"{OWN}: {reason}")
    excused = tuple(one for entry in exemptions if (one := _exemption(entry, criteria)))
    if not moved and not excused:
        return model
    made_of = repr((model.fingerprint, [(n, criteria[n].threshold) for n in moved], excused))
    return replace(
        model, criteria=tuple(criteria.values()), exemptions=excused,
        fingerprint=hashlib.sha256(made_of.encode()).hexdigest()[:12],
    )  # fmt: skip


def _known(entry: TomlReader, name: str | None, criteria: Mapping[str, Criterion]) -> bool:
    if name in criteria:
        return True
    entry.problems.append(
        f"{entry.where}no criterion" if name is None
        else f"{entry.where}criterion = {name!r}: the model has none of that id.{nearest(name, criteria)}"
    )  # fmt: skip
    return False


def _exemption(entry: TomlReader, criteria: Mapping[str, Criterion]) -> Exemption | None:
    before = len(entry.problems)
    name, team = entry.text("criterion", None), entry.text("team", None)
    kind = entry.choice("kind", EXCUSES, "exempt")
    reason, by, until = entry.text("reason", None), entry.text("by", None), entry.day("until")
    entry.done()
    _known(entry, name, criteria)
    told(entry, reason=reason, by=by)
    if kind == "exempt" and until is None and "until" not in entry.content:
        entry.problems.append(
            f'{entry.where}no until: an exemption ends; what will never apply is kind = "not_applicable"'
        )
    if len(entry.problems) > before:
        return None
    return Exemption(str(name), kind, str(reason), str(by), team, until)
