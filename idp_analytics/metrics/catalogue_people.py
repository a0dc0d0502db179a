"""The part of the catalogue about people and their load: working days, on-call, newcomers."""

from __future__ import annotations

from idp_analytics.answers import Estimator, Metric
from idp_analytics.metrics import exposure, pages, people, working_days

_PAGE = (
    "A page is one person notified with high urgency, or with one that is not told; notifications of low urgency are none. "
    "A page of the same incident to the same person at most calendar.page_dedupe_minutes (default 10) after the last is "
    "the same page once more. A page belongs to the team the source names, else to the owner of the service."
)
_RESOLVED = "Whether an alert resolved itself before anybody looked is not told by the sources; such pages count."
_WHERE = (
    "What hour it was is told by the responder's time zone (people.time_zone), else that of the team paged, else the "
    "organisation's; hours, working days and holidays by the calendar in the settings."
)
_TOGETHER = "Pages of one incident come together, so the interval is rather too narrow."
_NEWCOMER = (
    "Developers (people.is_developer), no bots, by the period of their first day at work, in the team they belonged to on "
    "that day. Who started before the first known production deployment or merged change is left out: they may have "
    "shipped before anything was recorded. Groups of fewer than rules.min_cohort people (default 5) are withheld, and "
    "others with them, so that nothing can be worked out by subtraction: at least two groups are hidden, or none, and they "
    "hold at least that many people together. By quarter only: months and weeks would cut across the teams. Quarters are put "
    "together until at least that many started in them, and told when the last of them is over, as it is then, so that what is "
    "told never changes and two reports do not differ by one person; what happens later is in none."
)
_OPEN = (
    "Who is not there by the end of the quarters they are told with, or was not on their last day, counts as taking longer (censored). Missing: "
    "nobody said whether they are a developer, or "
)
_SRE = "Google, Site Reliability Engineering (Beyer et al. 2016, chapter 11): at most two incidents in a 12-hour shift"

ENTRIES: tuple[Metric, ...] = (
    Metric(
        name="deployment_working_days",
        title="Working days with a deployment",
        question="On how many working days do we deploy to production?",
        formula="working days with at least one successful production deployment ÷ working days covered",
        unit="share of working days",
        better="higher",
        tables=("deployments",),
        estimator=Estimator.WORKING_DAYS,
        population="Working days of the calendar in the settings (default Monday to Friday, no holidays), in the "
        "organisation's time zone, over the days of deployment_days. Beside it rather than instead of it: a team that "
        "deploys each working day has 5 of 7 days there and all of them here, and months with more holidays compare fairly.",
        link_rule=None,
        null_policy="A working day without a deployment is a measured zero. Deployments on other days are not in it; how "
        "many there are is a caution. Deployments of which something is not told: as for deployment_frequency.",
        min_n=5,
        source="DORA, deployment frequency (dora.dev guide, as of 2026), read as working days; interval: Wilson 1927",
        observations=working_days.deployment_working_days,
    ),
    Metric(
        name="pages_per_service_week",
        title="Pages per service and week",
        question="How often does a service call somebody?",
        formula="pages ÷ weeks of services covered",
        unit="pages per service and week",
        better="lower",
        tables=("pages",),
        estimator=Estimator.EXPOSURE,
        population=_PAGE
        + " Weeks of services: every service of the catalogue from its creation to its retirement, also one "
        "that never paged; a team has those it owns, while it does. Counted from the first known page to the as-of time.",
        link_rule=None,
        null_policy=_RESOLVED
        + " A page that names no service counts for its team and the organisation. None seen is no "
        "rate: no value, but the upper bound that so many quiet weeks allow.",
        min_n=1,
        source="interval: Garwood 1936",
        observations=pages.pages_per_service_week,
        exposure=exposure.service_weeks,
    ),
    Metric(
        name="pages_per_shift",
        title="Pages per on-call shift",
        question="How heavy is an on-call shift?",
        formula="pages ÷ on-call shifts covered (calendar.shift_hours, default 12 h)",
        unit="pages per shift",
        better="lower",
        tables=("pages",),
        estimator=Estimator.EXPOSURE,
        population=_PAGE
        + " Every team that was ever paged is taken to keep one rota, day and night, from the first known "
        "page to the as-of time; rosters themselves are not in the data. A team with two rotas has half the load per shift.",
        link_rule=None,
        null_policy=_RESOLVED + " A page of no known team counts for the organisation but adds no rota.",
        min_n=1,
        source=_SRE + "; a page is not an incident, so the two are not the same number; interval: Garwood 1936",
        observations=pages.pages_per_shift,
        exposure=exposure.shifts,
        scopes=("org", "team"),
    ),
    Metric(
        name="out_of_hours_page_share",
        title="Pages out of hours",
        question="How many pages come outside working time?",
        formula="pages outside the working time of whom they called ÷ pages",
        unit="share of pages",
        better="lower",
        tables=("pages",),
        estimator=Estimator.SHARE,
        population=_PAGE + " " + _WHERE + " Evenings, nights, weekends and holidays are out of hours.",
        link_rule=None,
        null_policy=_RESOLVED + " " + _TOGETHER,
        min_n=5,
        source="interval: Wilson 1927",
        observations=pages.out_of_hours_page_share,
    ),
    Metric(
        name="night_page_share",
        title="Pages at night",
        question="How many pages come at night?",
        formula="pages in the night hours of whom they called (calendar.night_hours, default 22:00–07:00) ÷ pages",
        unit="share of pages",
        better="lower",
        tables=("pages",),
        estimator=Estimator.SHARE,
        population=_PAGE + " " + _WHERE + " Night is night on any day.",
        link_rule=None,
        null_policy=_RESOLVED + " " + _TOGETHER,
        min_n=5,
        source="interval: Wilson 1927",
        observations=pages.night_page_share,
    ),
    Metric(
        name="time_to_first_deploy",
        title="Time to first deploy",
        question="How soon does a new engineer's work reach production?",
        formula="Kaplan–Meier median over newcomers of: end of the first successful production deployment that holds a "
        "change of theirs − start of their first day",
        unit="days",
        better="lower",
        tables=("deployments", "changes", "deployment_changes", "people"),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population=_NEWCOMER + " Calendar days, weekends and leave included.",
        link_rule="deployment_changes: which change is in which deployment; changes.author_id: who wrote it.",
        null_policy=_OPEN
        + "a change of theirs was deployed before their first day (came back, or were with us before).",
        min_n=5,
        source="Kaplan & Meier 1958; interval: Brookmeyer & Crowley 1982, log-log; withholding: Willenborg & de Waal 2001",
        observations=people.time_to_first_deploy,
        scopes=("org", "team"),
        about_people=True,
    ),
    Metric(
        name="time_to_tenth_merged_change",
        title="Time to tenth merged change",
        question="How soon has a new engineer found their feet?",
        formula="Kaplan–Meier median over newcomers of: merge of their tenth change − start of their first day",
        unit="days",
        better="lower",
        tables=("deployments", "changes", "people"),
        estimator=Estimator.SURVIVAL_MEDIAN,
        population=_NEWCOMER + " Calendar days, weekends and leave included.",
        link_rule="changes.author_id: who wrote a change.",
        null_policy=_OPEN + "a change of theirs was merged before their first day (came back, or were with us before).",
        min_n=5,
        source="Kaplan & Meier 1958; interval: Brookmeyer & Crowley 1982, log-log; withholding: Willenborg & de Waal 2001",
        observations=people.time_to_tenth_merged_change,
        scopes=("org", "team"),
        about_people=True,
    ),
)
"""The entries, in the order documents show them."""
