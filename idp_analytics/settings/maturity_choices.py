"""What one company says of a maturity model: thresholds of its own, of whom a criterion is not asked, and which level is to be reached."""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import replace

from idp_analytics.errors import nearest
from idp_analytics.settings.maturity_model import (
    EXCUSES,
    LEVELS,
    OWN,
    AspectTarget,
    Criterion,
    Exemption,
    Model,
    told,
)
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


def aimed(model: Model, entries: Sequence[TomlReader], problems: list[str]) -> Model:
    """``model`` with the ``[[maturity_target]]`` of a company; what is wrong is added to ``problems``. A target changes no result, so the
    fingerprint stays."""
    asked = {scope: _asked(model, scope) for scope in ("org", "team")}
    targets = [one for entry in entries if (one := _target(entry, asked))]
    for_whom = [(one.aspect, one.team, one.of_teams) for one in targets]
    problems += [
        f"[[maturity_target]]: {aspect!r} of {team or ('teams' if of_teams else 'the organisation')!r} has {for_whom.count(one)} targets; say it once"
        for one in dict.fromkeys(for_whom)
        if for_whom.count(one) > 1
        for aspect, team, of_teams in [one]
    ]
    return replace(model, targets=tuple(targets)) if targets else model


def _asked(model: Model, scope: str) -> list[str]:
    """The aspects of which every level is asked of ``scope``: of no other is there a level to reach."""
    theirs = {(c.aspect, c.level) for c in model.criteria if not c.is_stress and (scope == "org" or c.scope == "team")}
    return [aspect.id for aspect in model.aspects if {(aspect.id, level) for level in LEVELS[1:]} <= theirs]


def _target(entry: TomlReader, asked: Mapping[str, Sequence[str]]) -> AspectTarget | None:
    before = len(entry.problems)
    aspect, level = entry.text("aspect", None), entry.number("level", 0, above=1, below=max(LEVELS) + 1)
    team, by, reason = entry.text("team", None), entry.day("by"), entry.text("reason", None)
    scope = entry.choice("scope", ("org", "team"), "team" if team else "org")
    entry.done()
    told(entry, aspect=aspect, by=by, reason=reason)
    if "level" not in entry.content:
        entry.problems.append(f"{entry.where}no level")
    elif level % 1:
        entry.problems.append(f"{entry.where}level = {level:g}: must be 2, 3 or 4")
    if team and scope == "org":
        entry.problems.append(f"{entry.where}scope = 'org' and team = {team!r}: leave out one of the two")
    if aspect is not None and aspect not in asked["org"]:
        entry.problems.append(
            f"{entry.where}aspect = {aspect!r}: is none of the model's.{nearest(aspect, asked['org'])}"
        )
    elif aspect is not None and scope == "team" and aspect not in asked["team"]:
        entry.problems.append(
            f"{entry.where}aspect = {aspect!r}: does not ask a team at every level, so no team has a level of it; "
            f"these do: {', '.join(asked['team'])}"
        )
    if len(entry.problems) > before or aspect is None or by is None:
        return None
    return AspectTarget(aspect, int(level), by, str(reason), team, scope == "team" and team is None)


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
