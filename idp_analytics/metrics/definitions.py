"""METRICS.md and the words of ``idp explain``, made from the catalogue."""

from __future__ import annotations

from collections.abc import Iterator

from idp_analytics.answers import Estimator, Metric, Verdict
from idp_analytics.metrics.catalogue import CATALOGUE
from idp_analytics.metrics.value import METHODS

ESTIMATORS: dict[Estimator, tuple[str, str, str]] = {
    Estimator.RATE: (
        "Events divided by covered days. The interval supposes events that come independently; deployments bunch, so "
        "the truth is rather less certain than it says.",
        "ratio, exact conditional interval",
        "one event: an exact interval exists from there on",
    ),
    Estimator.SHARE: (
        "Hits divided by observations.",
        "difference, Newcombe's hybrid score interval",
        "with fewer than five the interval covers most of 0 to 1",
    ),
    Estimator.DAYS: (
        "Days with an event divided by covered days that are over; a day without one is an observation too.",
        "difference, Newcombe's hybrid score interval",
        "as for a share",
    ),
    Estimator.WORKING_DAYS: (
        "Working days with an event divided by covered working days that are over, by the calendar in the settings; what "
        "happened on other days is not in it.",
        "difference, Newcombe's hybrid score interval",
        "as for a share",
    ),
    Estimator.EXPOSURE: (
        "Events divided by how much there was that could bring one, such as weeks of services or on-call shifts. The "
        "interval supposes events that come independently; one bad night brings several, so the truth is rather less "
        "certain than it says.",
        "ratio, exact conditional interval",
        "as for a count per day",
    ),
    Estimator.TIME: (
        "What is left of the time of all services when the time with an incident is taken away. The interval supposes outages "
        "that come independently, each as long as it was; the longest seen, or the organisation's typical one if that is "
        "longer, stands for the next (Fay & Feuer 1997). With few and very unequal outages it is rather too narrow.",
        "difference, MOVER from the two intervals (Zou & Donner 2008)",
        "time without an incident is an observation too",
    ),
    Estimator.MEDIAN: (
        "The middle value, the mean of the two middle ones for an even number.",
        "ratio, MOVER from the two intervals (Zou & Donner 2008)",
        "with five or fewer no two values bound a median with 95 % confidence",
    ),
    Estimator.SURVIVAL_MEDIAN: (
        "The time after which half have ended, with those still open counted in (Kaplan–Meier).",
        "ratio, MOVER from the two intervals (Zou & Donner 2008)",
        "counted in observations that have ended: the open ones say only how long they are at least",
    ),
    Estimator.TOTAL: (
        "The exact decimal sum of everything there is: a census, so the interval is the number itself.",
        "ratio of two complete periods, without interval or verdict",
        "one charge",
    ),
}
"""Estimator → what it does, how it is compared with the period before, why the fewest observations are what they are."""

VERDICTS: dict[Verdict, str] = {
    Verdict.IMPROVED: "the interval of the change lies wholly on the better side",
    Verdict.WORSENED: "it lies wholly on the other side",
    Verdict.NO_DETECTABLE_CHANGE: "it holds no change; that is not the same as no change",
    Verdict.INSUFFICIENT_DATA: "too few observations for a value; an interval that exists is still given",
    Verdict.SUPPRESSED: "withheld because it could tell of a single person: fewer people than rules.min_cohort (default "
    "5) stand behind it, or what is shown would let somebody work out such a group by subtraction",
    Verdict.NOT_MEASURED: "the data do not cover it: a table the metric needs is empty or begins later, or nothing in it counts",
    Verdict.NOT_IDENTIFIED: "the number stands, but there is nothing sound to compare it with (no complete period before, "
    "or neither direction is better)",
}
"""Verdict → what it says."""

_INTRODUCTION = """\
# Metrics

Made from `idp_analytics/metrics/catalogue.py` by `make generated`; edit it there.

## How to read a number

Every answer carries its interval, the number of observations `n` it rests on and how many were `missing`: in the
population, but without what the metric needs. Null is not known; zero is measured. A team or service that did nothing
keeps its row.

Periods are weeks (ISO, unless the calendar says otherwise), months and quarters in the organisation's time zone,
half-open, cut by the day something happened there (money: UTC, as charge periods are). That holds for teams in another
zone too: months that began at different moments would neither add up to the organisation's nor stand beside it. A
team's own zone, and a person's, decide what was working time there. A fact belongs to the team that owned its service on that day; the
organisation has all facts, also those of no known team. Nothing that happened at or after the as-of time is used.

A period is *partial* when the as-of time lies inside it, or the first fact of a table the metric needs does. Days
before that fact are not known to be covered: a period wholly before it is not measured. Where a table falls silent for
the whole organisation, a caution says since when, because an export that ended looks the same as quiet.

An answer is compared with the period just before, if that one is complete. A rate, a share or a median may itself be of
a partial period, since its interval knows how little it rests on; a total may not. Many numbers are compared at once,
and at the usual level one in twenty of them would seem to change when nothing did: read a verdict as a question.
"""


SCOPES = {"org": "the organisation", "team": "teams", "service": "services"}
"""Scope → of whom its answers are."""


_SIGNALS = """
## Signal or noise

The study `process_behaviour` puts every week of a headline metric beside natural process limits: what the process does by
itself. The first 24 complete weeks of a phase set them (12 at least) and they stay; only a named cause begins a new phase
(`[[phase]]` in the settings, or an intervention a team took up), and a week is left out only with a named cause
(`[[outlier]]`). Limits are 2.66 mean moving ranges from the mean for rates and for the logarithm of medians (XmR; Wheeler
& Chambers 1992), Laney's p′ (2002) for shares, and for shares of deployments never narrower than exact chance. A signal is
a week outside them, or in a run too long for chance (Anhøj & Olesen 2014). The probability that a phase in which nothing
changes shows a signal is printed beside it: about one in twelve for 24 weeks, one in four for 52, two in five for 104.

The study `trend` gives Sen's slope (1968) over the last 24 complete months with Mann–Kendall's test, from 8 months on, and
says *not identified* where neighbouring months resemble each other.

## Teams side by side

The study `comparison` says of each team whether its number lies within what chance allows at its own n: exact binomial or
Poisson limits around all teams together, moved outwards by how much teams differ anyhow (Spiegelhalter 2005). Apart from
the others is a team outside the 99.8 % limits. Beside it stands the number that all teams together make likeliest
(empirical Bayes), and the chance that the team truly is in the worst third. Fewer than five teams are not compared, and
there is no rank: among 20 teams of 40 deployments each, with fail rates of 9 to 15 %, the best one shown is truly the
best less than one time in five.

## Adoption

A *join* is one service coming onto one golden path for the first time since anybody looked (`adoptions`, `adoption_kinds`). It is
*mandated* from the day the path's mandate is in force, *pre-mandate* from the day the path was announced (else sixty days
before the mandate), else *organic*; the organic share has Wilson's interval. What is only born on a path is no join. In
`adoption_incidence` the three ways compete (Aalen–Johansen): a service is followed from when it could join, not before the
first look, and counts as not joined yet until it is retired or looked at last. `adoption_retention` puts the ways beside each
other (Kaplan–Meier, log-rank); `retention_ahead` fits the shifted beta-geometric model (Fader & Hardie 2007), from ten that left.

`adoption_momentum`: organic joins per service-month off the path beside a service of the same team or system that is on it, against
the period before. `adoption_following`: the odds of joining beside one against beside none, by a discrete-time logit over path and month,
with a p by permutation. Homophily and contagion are not distinguishable by either.

`diffusion_fits`: Bass in the interval form (Srinivasan & Mason 1986) and the logistic curve, with the eligible services for ceiling and with
a ceiling of their own. *Not identified*: fewer than six months or ten joins, growth not yet fastest, or a standard error of the ceiling above 30 % of it.
The form matters: on one data set three forms give p of 0.007, 0.009 and 0.022.

*Breadth* is the share of teams with a purposeful use in the period, *depth* the median number of capabilities such a team uses
(`adoption_breadth`); page views are counted apart. `people_return`: people with a use by choice in one month who have one in the next,
withheld below `rules.min_cohort`, never by team. `next_teams` counts signs that a team is near to a path of choice; it ranks nobody.

## What a tool costs, and what leaving it costs

The studies `tco`, `tco_years` and `tco_lines` rest on what people state in `[[tool]]`; nothing in them is measured but the
number of developers. Present value: Σ cost of year t ÷ (1 + rate)^t, year 0 up front, all others at their end, the exit lines
at the end of the last. Leaving at the end of a year costs its exit lines and what is left of contracts, in the amounts they
would have had. A line flips a decision at the value that makes another option exactly as cheap, all other lines as stated;
the joint range puts every line of the cheapest option at its high and all others at their low. Ranges are opinions: no
interval and no probability is made of them. An exit cost must be stated, if only as 0; a benefit is in no order.

## One index of the ratings, and how far to trust them

The study `survey_quality` takes the ratings of areas (part *drivers*) together: the *index* is the mean of their favourable shares, so it
stays a share. Its interval is that of respondents drawn again (bootstrap, fixed seed), of a change both waves each for itself; a
question asked in other words begins a new series. Groups have one where they show every answer to every rating. *Alpha* (Cronbach 1951,
interval of Feldt 1965) says whether the ratings go together; it is given from 30 people who answered all of them, and an index whose
alpha is below 0.6 is better read question by question. It does not say that they measure one thing. Those who answered in the first
seven days stand beside those who took longer (Brunner & Munzel 2000): where the two differ, who never answered may differ as well
(Armstrong & Overton 1977). The same is looked at for teams that are on golden paths, of whom it is known whether they answered.

## What to improve first

The study `top_two` puts beside each other what people voted for, what held them up, what they wrote of (themes with an area) and what goes
with their satisfaction: of ratings the share of explained variance (Lindeman, Merenda & Gold 1980) from ten people a rating and
fifty, else rank correlations. *Among the first two* is the share of draws, respondents being drawn again, in which an area is one of
the two. *All together* draws the weights of the kinds as well, every mixture as likely as any other; a rating adds what goes with
satisfaction × what is not favourable yet. Two cannot be told apart where the 95 % interval of the difference between the second and the
third holds 0. What goes together in one survey is said by the same people at the same time: it is an association, and what a change
would do is told by an intervention alone. Tickets stand beside by category, of 90 days.

## Behaviour under stress

The study `stress_signals` asks ten things of what a team does under stress and of the same team in calm. Stress is a severe incident
(severity 1 or 2) from its opening to two hours after it is resolved, 72 hours at most, overlapping ones as one window; and, apart, the
five weeks of a year with most pages, of three pages at least. Calm stands beside each window: the same team, as long, the same weekday at the
same wall time, up to eight weeks before or after, a day away from all its stress, the nearest four. Looked at is the year before the end of
the period. Windows with their calm are drawn again as wholes (bootstrap, fixed seed; Field & Welsh 2007), the percentiles taken further out
the fewer there are (Hesterberg 2015), never narrower than Newcombe's interval (1998) or the exact ratio of two counts, at a level at which the ten hold together. *Breaks*: worse for certain and by 20
points, or by half as much again for ratios; *bends*: worse for certain, by less; *holds*: the interval leaves no room for that much; *cannot be
told*: it does; *untested under stress*: fewer than five windows have anything to see. The thresholds are defaults that nothing calibrates.
Hours are the same in both, so deployments out of hours are counted per window; in an incident they are not judged, nor are rollbacks,
since that is how incidents end. Of 160 synthetic teams that do in stress what they do in calm, one was said to be worse. Skipped postmortems are looked at by page load alone, for calm has no severe incident. Cannot say: why. What
brings an incident may bring the haste too.

## Did it work

The study `impact` judges each change of the ledger (`interventions`) by the one metric it names, the first of these that the data allow:
*group-time effects* (Callaway & Sant'Anna 2021) where three units took it up and three others had not by then, each known for two months before: how much more
a unit moved than others that had not yet, from all its months before, put together over units and months as precisely as each is known; the month of taking up
itself is left out; errors by leaving out each unit once (CR3), since cohorts of fewer than five are never told apart. Else, by week, of units that took it up at once:
an *interrupted time series* from twelve weeks before and after (quasi-Poisson for rates, else least squares; a trend, which may change from 26 weeks on either side on; a yearly season from two years on), or
*process behaviour* from twelve before and four after, limits frozen, and wider by 1 ÷ √(1 − r) where neighbouring weeks resemble each other by r: a signal, and a mean that has moved for certain.
How much neighbouring weeks resemble each other is not estimated, since a few weeks cannot tell it: generalised least squares is done for autocorrelations of first order from 0 to 0.98, and these are
summed over by their restricted likelihood, all ratios of 1 − ρ alike beforehand (Zellner & Tiao 1964); so is how much of a week's variance is its own and how much chance in few observations. Errors for one
estimate (Newey & West 1987, or the widening of Bayley & Hammersley 1946) had found changes where there were none in up to 45 of 100 series. A negative binomial is not fitted: of 900 drawn
series of 24 to 104 weeks, their variance one to four times Poisson's, it finds a change where there is none in 6.0 of 100 (quasi-Poisson: 5.8) and the planted one in 59 (63), and does not converge in 13 (of
Poisson's own in 36). These two say that something changed, never why: *not identified*. Where the ledger names too few that had
not taken it up, all others that are not known to be on the path stand in for them; that they did not is supposed. A *synthetic control* (Abadie, Diamond & Hainmueller 2010) is made only for
interventions that `synthetic_control` under `[impact]` in settings.toml names: of three units at most, from ten others known in all of twelve months before, its interval by placebos. Medians are estimated as factors and told in
their unit at the level that would be expected.
*Improved* is said where the interval leaves nothing else, the effect is as large as the ledger says matters, and nothing forbids it: units that drifted apart before by more than the
interval allows for; fewer than twenty units of a kind whose dates given out anew find as much more than one time in twenty (Fisher 1935); units that were the worse ones before and would have come
back as far by chance alone (regression to the mean, empirical Bayes); another change that reached half of the units within 45 days. *No detectable change* is said where an effect that
matters would have been found four times in five, else *insufficient data*. `robust_to` is Rambachan and Roth's (2023) bound by relative magnitudes in its plainest form: how many times the largest
monthly step before both would have to go apart each month after for the interval to reach 0; that step holds chance too, which makes it small. Other metrics
are looked at beside (`exploratory`), all of them counted in (Benjamini & Hochberg 1995).

## What was resolved

The study `follow_through` looks at the actions resolved in the year before the end of the period, as they stood that day: done, dropped, open,
open past their day. The share done is of those whose time has come (done, dropped or overdue; Wilson 1927); open ones with their day ahead or
without one are beside it. The time to the end is Kaplan and Meier's (1958), those still open counted in. How often an action was put off carries
no date, so it is as known today.

## What people say they would pay

The study `survey_price` rests on the questions of the part *price*: a price drawn at random for each respondent, whether their
team would keep the platform at it, how sure they are. A yes counts from a certainty of 7 of 10 on, and without one where certainty
was not asked. Shares of those who saw a price have Wilson's interval; *demand* is the same made never to rise with the price, by putting
together prices at which it does (Ayer et al. 1955). *Worth at least* counts everybody with no more than the highest price they would
pay of those asked: Σ (price − the price below) × demand (Turnbull 1976; Haab & McConnell 1997); it is a lower bound of the mean, and no
curve is fitted, since what a curve says beyond the highest price is the curve's. A price is withheld below twice `rules.min_cohort`
answers, with further ones where subtraction would tell it. The range (part *price range*, four prices) is van Westendorp's (1976): lines
between the prices named, crossed where they first meet; who names prices that do not ascend is dropped and counted; from 30 answers on.
"""


def markdown() -> str:
    """The text of METRICS.md: how numbers are made, what verdicts say, and one section per metric."""
    return "\n".join(_lines()) + "\n"


def text(metric: Metric) -> str:
    """One metric's definition as plain text for a terminal: title, question, then one field per line."""
    lines = (f"  {name}: {value}" for name, value in _fields(metric))
    return "\n".join([f"{metric.title} ({metric.name})", metric.question, "", *lines])


def _lines() -> Iterator[str]:
    yield _INTRODUCTION
    yield "## How numbers are made\n"
    yield "| kind | what it is | interval | change against the period before | fewest observations, and why |"
    yield "|---|---|---|---|---|"
    for estimator, (what, change, why) in ESTIMATORS.items():
        fewest = sorted({str(m.min_n) for m in CATALOGUE if m.estimator is estimator})
        yield f"| {estimator} | {what} | {METHODS[estimator]} | {change} | {', '.join(fewest)}: {why} |"
    yield "\n## What verdicts say\n"
    yield "| verdict | meaning |"
    yield "|---|---|"
    for verdict, meaning in VERDICTS.items():
        yield f"| {verdict} | {meaning} |"
    yield _SIGNALS.rstrip()
    yield from _study()
    yield from _proof()
    for metric in CATALOGUE:
        yield f"\n## {metric.title}\n"
        yield f"`{metric.name}` · {metric.question}\n"
        yield "| | |"
        yield "|---|---|"
        for name, value in _fields(metric):
            yield f"| {name} | {value} |"
    yield from _choices()
    yield from _rules()


def _rules() -> Iterator[str]:
    """What a deployment is taken for and what is looked at; imported late, as below."""
    from idp_analytics.metrics.classify import RULES
    from idp_analytics.metrics.gaming import CHECKS

    yield "\n## What a deployment was\n"
    yield "Study `deployment_classes`. The rules are asked in this order, and the first that holds decides.\n"
    yield "| rule | class | why |"
    yield "|---|---|---|"
    for rule in RULES:
        yield f"| {rule.name} | {rule.says} | {rule.why} |"
    yield "\n## What could make a number look better\n"
    yield "Study `gaming`. A check is a question and accuses nobody: it is raised where all its signals moved, against the period"
    yield "before, by more than chance allows with all checks of all teams counted in (Benjamini & Hochberg 1995).\n"
    yield "| check | signals | may be innocent |"
    yield "|---|---|---|"
    for check in CHECKS:
        signals = "; ".join(f"{signal.says} {'rises' if signal.rises else 'falls'}" for signal in check.signals)
        yield f"| {check.name} | {signals} | {check.innocent} |"


def _study() -> Iterator[str]:
    """Imported late, as below."""
    from idp_analytics.metrics import coverage_study

    return coverage_study.lines()


def _proof() -> Iterator[str]:
    """Imported late, as below."""
    from idp_analytics.metrics.impact import proof, series_proof

    yield from proof.lines()
    yield from series_proof.lines()


def _choices() -> Iterator[str]:
    """Imported late: the presets rest on the pass, and the pass on the words of this module."""
    from idp_analytics.metrics import choices

    return choices.lines()


def _fields(metric: Metric) -> Iterator[tuple[str, str]]:
    yield "formula", metric.formula
    yield "unit", metric.unit
    yield "better", metric.better or "neither in itself"
    yield "estimator", f"{metric.estimator}, {METHODS[metric.estimator]}"
    yield "fewest observations", str(metric.min_n)
    yield "tables", ", ".join(metric.tables)
    if len(metric.scopes) < len(SCOPES):
        yield "measured for", " and ".join(SCOPES[scope] for scope in metric.scopes)
    yield "population", metric.population
    if metric.link_rule:
        yield "link rule", metric.link_rule
    yield "when something is not known", metric.null_policy
    yield "source", metric.source
