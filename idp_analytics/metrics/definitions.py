"""METRICS.md and the glossary, made from the list of metrics so that they cannot lag behind it."""

from __future__ import annotations

from collections.abc import Iterator

from idp_analytics.answers import Metric, Verdict
from idp_analytics.metrics.catalogue import CATALOGUE

_HEAD = """\
# Metrics

Every number the kit prints is one of these. This page is generated from `idp_analytics/metrics/catalogue.py` by
`make generated`; do not edit it. `idp explain METRIC` prints one of them, and with `--period` the rows behind a number.

Each answer carries its value, an interval (95 % unless `rules.level` says otherwise), `n` (observations it rests on),
`missing` (of its population, not usable), the method of the interval, the change against the period before with its
own interval, and a verdict. Below the least `n` no value is printed. Facts belong to the team that owned the service
on the day they happened. A deployment counts when it succeeded, went to `rules.environment` (default production) and
is not a re-sync.

| verdict | meaning |
|---|---|
"""

_VERDICTS = {
    Verdict.IMPROVED: "the change's interval lies wholly on the better side",
    Verdict.WORSENED: "the change's interval lies wholly on the worse side",
    Verdict.NO_DETECTABLE_CHANGE: "the change's interval holds no change; it may still have changed by less than can be seen",
    Verdict.INSUFFICIENT_DATA: "fewer observations than the least from which a value is printed",
    Verdict.SUPPRESSED: "withheld, because it could single out a person",
    Verdict.NOT_MEASURED: "a table the metric needs has no rows",
    Verdict.NOT_IDENTIFIED: "nothing sound to compare with (the first period, no better side), or the median was not reached",
}


def markdown() -> str:
    """The whole of ``METRICS.md``."""
    verdicts = "\n".join(f"| {v.value} | {text} |" for v, text in _VERDICTS.items())
    return _HEAD + verdicts + "\n" + "".join(f"\n## {m.title}\n\n" + "\n".join(_items(m)) + "\n" for m in CATALOGUE)


def text(metric: Metric) -> str:
    """One metric for the terminal."""
    return f"{metric.title} ({metric.name})\n" + "\n".join(line.replace("**", "") for line in _items(metric))


def _items(metric: Metric) -> Iterator[str]:
    better = {"higher": "higher is better", "lower": "lower is better"}.get(
        metric.better or "", "neither way is better in itself"
    )
    for name, value in (
        ("Question", metric.question),
        ("Formula", metric.formula),
        ("Unit", f"{metric.unit}; {better}"),
        ("Estimate", f"{metric.estimator.value}, from n = {metric.min_n}"),
        ("Population", metric.population),
        ("Link rule", metric.link_rule or "none"),
        ("What is not known", metric.null_policy),
        ("Tables", ", ".join(metric.tables)),
        ("Source", metric.source),
        ("Name", f"`{metric.name}`"),
    ):
        yield f"- **{name}**: {value}"
