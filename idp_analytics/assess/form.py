"""The self-assessment as one page: nothing in it asks anybody for anything, and what is answered stays in the browser."""

from __future__ import annotations

import base64
import hashlib
import json
import re
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from idp_analytics.errors import SettingsError
from idp_analytics.settings.maturity_model import FILE, Contradiction, Model
from idp_analytics.sources.assessment_forms import FORM, FORM_VERSION, ROLES

TEMPLATES = Path(__file__).resolve().parent / "templates"
SURE = ((1, "not very"), (2, "fairly"), (3, "very"))
MINUTES = 0.6
"""What one question takes: fifteen minutes for the 25 of the kit's model. An assumption."""
_ID = re.compile(r'\bid="([a-z-]+)"')


def page(
    model: Model, wave: str | None = None, team: str | None = None, teams: Sequence[str] = (), least: int = 5
) -> str:
    """The form as HTML: of one ``team``, or with ``teams`` proposed where none is given; ``wave`` None: the quarter in which it is saved.

    ``least``: of how many people answers are broken down, which is said on it. The same arguments give the same bytes. Raises :class:`SettingsError` where
    ids of the model are those of other things on the page.
    """
    if clashes := _clashes(model):
        raise SettingsError.listing(FILE, clashes)
    script, css = ((TEMPLATES / name).read_text(encoding="utf-8") for name in ("form.js", "form.css"))
    items = [
        {"id": item.id, "aspect": item.aspect, "number": number, "wording": item.question, "levels": [_capital(text) for text in item.answers], "is_stress": item.is_stress}
        for number, item in enumerate(model.items, 1)
    ]  # fmt: skip
    given = {
        "form": FORM, "form_version": FORM_VERSION, "model_version": model.edition, "team": team, "wave": wave,
        "items": [{name: item[name] for name in ("id", "number", "wording")} for item in items],
        "contradictions": [{"says": _capital(rule.says.rstrip(".")) + ".", "when": _when(rule)} for rule in model.contradictions],
    }  # fmt: skip
    jinja = Environment(
        loader=FileSystemLoader(TEMPLATES), autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )  # fmt: skip
    return jinja.get_template("form.html.j2").render(
        policy=_policy(script, css), css=Markup(css), script=Markup(script), given=_data(given),  # noqa: S704 our own files
        team=team, teams=teams, wave=wave, least=least, items=items, aspects=model.aspects, levels=model.level_names,
        roles=ROLES.items(), sure=SURE, minutes=max(1, round(MINUTES * len(items))),
        form_version=FORM_VERSION, model_version=model.edition, title=model.title, after=model.after,
    )  # fmt: skip


def _clashes(model: Model) -> list[str]:
    """Ids of aspects and items that something else on the page has: a page knows its parts by them."""
    own = [("aspect", aspect.id) for aspect in model.aspects] + [("item", item.id) for item in model.items]
    times = Counter(name for _, name in own)
    taken = set(_ID.findall((TEMPLATES / "form.html.j2").read_text(encoding="utf-8")))
    return [
        f"{what} {name!r}: the form has {'something else' if name in taken else 'an aspect and an item'} of that id; call it otherwise"
        for what, name in own
        if name in taken or times[name] > 1
    ]


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]


def _when(rule: Contradiction) -> dict[str, list[int]]:
    """Item → the levels that, together with those of the other item, hardly go together."""
    return {item: list(range(low, high + 1)) for item, low, high in zip(rule.items, rule.low, rule.high, strict=True)}


def _policy(script: str, css: str) -> str:
    """Nothing from anywhere; of scripts and styles only these, by their hash."""
    script, css = (base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in (script, css))
    return f"default-src 'none'; script-src 'sha256-{script}'; style-src 'sha256-{css}'; base-uri 'none'; form-action 'none'"


def _data(value: object) -> Markup:
    """JSON in which nothing can end the element it stands in."""
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return Markup(text.replace("<", "\\u003c").replace("\u2028", "\\u2028").replace("\u2029", "\\u2029"))  # noqa: S704
