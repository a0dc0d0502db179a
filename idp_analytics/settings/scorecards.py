"""``[[scorecard_rule]]``: which rule of a scorecard asks what the kit can see for itself, so that the two can be compared.

A rule is a name to the kit, and what it looks at is the tool's business: only the company knows that two ask the same. What is not said here is not guessed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from idp_analytics.settings.toml_reader import TomlReader

OWNER, PATH, CURRENT, POLICY = "owner", "golden path", "current version", "policy"
SEEN_AS = (OWNER, PATH, CURRENT, POLICY)
"""What is seen of one service: somebody owns it; it is on a golden path; on the versions of its paths there are now; it keeps one rule of a policy."""


@dataclass(frozen=True)
class RuleSeen:
    """One ``[[scorecard_rule]]``: ``rule`` of ``scorecard`` says what ``seen_as`` (:data:`SEEN_AS`) sees; ``policy_rule``: which rule of a policy."""

    scorecard: str
    rule: str
    seen_as: str
    policy_rule: str | None = None


def parse(entries: Sequence[TomlReader], problems: list[str]) -> tuple[RuleSeen, ...]:
    """``[[scorecard_rule]]`` → :class:`RuleSeen`; what is wrong is added to ``problems``, one sentence each."""
    found = tuple(one for entry in entries if (one := _rule(entry)))
    names = [(one.scorecard, one.rule) for one in found]
    problems += [
        f"[[scorecard_rule]]: rule {rule!r} of {card!r} is there {names.count((card, rule))} times; say it once"
        for card, rule in dict.fromkeys(names)
        if names.count((card, rule)) > 1
    ]
    return found


def _rule(entry: TomlReader) -> RuleSeen | None:
    before = len(entry.problems)
    card, rule, policy = (entry.text(key, None) for key in ("scorecard", "rule", "policy_rule"))
    seen_as = entry.choice("seen_as", SEEN_AS, "")
    entry.problems += [f"{entry.where}no {key}" for key in ("scorecard", "rule") if key not in entry.content]
    if seen_as == POLICY and policy is None and "policy_rule" not in entry.content:
        entry.problems.append(f'{entry.where}seen_as = "policy": which one? Add policy_rule, as in the column rule of policy_results')  # fmt: skip
    elif seen_as and seen_as != POLICY and policy is not None:
        entry.problems.append(f'{entry.where}policy_rule belongs to seen_as = "policy"; leave it out')
    entry.done()
    return None if len(entry.problems) > before else RuleSeen(str(card), str(rule), seen_as, policy)
