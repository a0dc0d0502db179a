"""What people of the company write: short sentences of our own, whose themes are known because they were made from them."""

from __future__ import annotations

import numpy as np

from idp_analytics.sources.sample.draw import Floats

THEMES = (
    "deployment",
    "documentation",
    "approvals",
    "golden paths",
    "environments",
    "on-call",
    "self-service",
    "ownership",
)
"""Areas of the platform; all but ``ownership`` are rated too."""

SENTENCES = {
    "deployment": (
        "A release still takes three tries before the pipeline lets it through.",
        "The build fails for no reason about once a day.",
        "Rolling back by hand at five in the afternoon is no fun.",
        "I would like to see why a deploy was stopped without reading the whole log.",
    ),
    "documentation": (
        "The docs for the message queue describe a version we no longer run.",
        "I search the wiki first, find nothing, and then interrupt somebody.",
        "There is no page that says how to begin.",
        "Half of the examples in the documentation do not compile.",
    ),
    "approvals": (
        "Getting a database approved took nine days and nobody could say where the request was.",
        "We wait for a sign-off that is always given.",
        "The approval queue is the slowest part of my week.",
        "Why does a change to a label need two approvers?",
    ),
    "golden paths": (
        "The template does not fit a service with two databases.",
        "We left the golden path because it could not do batch jobs.",
        "Upgrading the template broke our settings without a word.",
        "The paved road is fine as long as you build a web shop.",
    ),
    "environments": (
        "Staging was down twice this sprint.",
        "Test data on staging is a year old.",
        "It takes an hour until a preview environment is there.",
        "Two teams share one test cluster and break each other.",
    ),
    "on-call": (
        "Pages at night are mostly noise.",
        "I was woken four times for an alert that closes itself.",
        "We are three people on call and two of us are tired.",
        "The runbook sends me to a dashboard that is gone.",
    ),
    "self-service": (
        "I have to open a ticket for a new topic.",
        "Raising a quota myself would save us days.",
        "Why can we not create a bucket without asking somebody?",
        "Secrets can only be rotated by one person.",
    ),
    "ownership": (
        "Nobody knows who owns the shared library.",
        "The catalogue names a team that was dissolved last year.",
        "Asking who is responsible takes longer than the fix.",
    ),
}  # fmt: skip
NOTHING = ("Nothing this time, thanks.", "All fine from my side.", "Keep going.", "No comment, in a hurry today.")
ELSEWHERE = {
    "approvals": "האישורים לוקחים יותר מדי זמן.",
    "documentation": "التوثيق قديم ولا يساعدنا.",
    "environments": "بيئة الاختبار بطيئة.",
}
"""Sentences written from right to left, by theme."""

MARKED_UP = "<b>Please</b> read this & act <script>alert('fix it')</script>"
NAMES = ("Ines Okafor", "Tomas Lindqvist", "Mirela Brandt", "Yusuf Petrov")
"""Nobody: made-up names, which must never be shown."""

MISSPELT, NAMED, ADDRESSED, FROM_THE_RIGHT, WITH_TAGS = (11, 3), (13, 5), (17, 7), (23, 9), (19, 11)
"""Every so many comments, beginning with which: what befalls a comment, whatever the seed."""


def comments(ratings: Floats, rng: np.random.Generator) -> tuple[list[str], list[tuple[str, ...]]]:
    """Comments and their themes, one per row of ``ratings`` (respondent × theme, 1 bad to 5 good): the worse something is
    rated, the more probably it is written about."""
    pull = np.exp(0.9 * (3.2 - ratings))
    share = pull / pull.sum(axis=1, keepdims=True)
    first = (share.cumsum(axis=1) > rng.random(len(share))[:, None]).argmax(axis=1)
    second = (share.cumsum(axis=1) > rng.random(len(share))[:, None]).argmax(axis=1)
    lot, pick = rng.random(len(share)), rng.integers(0, 1_000, (len(share), 3))
    texts, themes = [], []
    for i in range(len(share)):
        about = (
            ()
            if lot[i] < 0.12
            else tuple(dict.fromkeys((THEMES[first[i]], *((THEMES[second[i]],) if lot[i] > 0.6 else ()))))
        )
        said = [SENTENCES[theme][pick[i, n] % len(SENTENCES[theme])] for n, theme in enumerate(about)]
        if _befalls(i, FROM_THE_RIGHT) and about and about[0] in ELSEWHERE:
            said[0] = ELSEWHERE[about[0]]
        texts.append(_odd(i, " ".join(said) or NOTHING[pick[i, 0] % len(NOTHING)], int(pick[i, 2])))
        themes.append(about)
    return texts, themes


def _odd(place: int, text: str, pick: int) -> str:
    """The comment as somebody in a hurry or with no thought of privacy writes it."""
    name = NAMES[pick % len(NAMES)]
    if _befalls(place, MISSPELT):
        text = _misspelt(text, pick)
    if _befalls(place, NAMED):
        text += f" Ask {name}, who knows."
    if _befalls(place, ADDRESSED):
        text += f" Write to {name.lower().replace(' ', '.')}@larkspur.invalid."
    if _befalls(place, WITH_TAGS):
        text = f"{MARKED_UP} {text}"
    return text


def _befalls(place: int, every: tuple[int, int]) -> bool:
    return place % every[0] == every[1]


def _misspelt(text: str, pick: int) -> str:
    """Two letters inside one of the longer words have changed places."""
    words = text.split(" ")
    long = [i for i, word in enumerate(words) if len(word) > 5 and word.isalpha()] or [0]
    word = words[chosen := long[pick % len(long)]]
    at = len(word) // 2
    words[chosen] = word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]
    return " ".join(words)
