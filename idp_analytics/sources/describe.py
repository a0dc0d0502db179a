"""SOURCES.md and the README's table of systems, made from the declarations so that they cannot lag behind them."""

from __future__ import annotations

from collections.abc import Iterator

from idp_analytics.sources import alone
from idp_analytics.sources.system import COMMON, Gives, Option, System
from idp_analytics.sources.systems import systems

BEGIN, END = "<!-- systems: made by make generated -->", "<!-- systems end -->"
"""What the README's table stands between."""

_NOW = "now only"

_HEAD = """\
# Sources

Every system whose exports are read: how to export, what is read of it, how far back it tells, what it cannot tell, and
the options of its `[[source]]` in `settings.toml`. This page is generated from `idp_analytics/sources/systems/` by
`make generated`; do not edit it. `git`, `focus` (FOCUS bills) and `canonical` (tables in our own columns, or mapped onto
them) are described in the README and in `data/README.md`.

**Files.** JSON, JSON lines, YAML and CSV, plain or gzip; a bare list, a page as the API gives it, several pages one after
another, one object, a Kubernetes `List`, several YAML documents. A page that says there is more is marked as incomplete, and
every number that rests on it says so.

**State is not history.** Systems marked *now* show what is so today and forget what was. Run `idp collect` after each
export: it keeps a copy under `data/<org>/snapshots/`, and all copies are read together.

**People** become pseudonyms at the door: an HMAC under the secret in the environment variable `IDP_PEOPLE_KEY`. Parameters
and secrets are not read; titles of changes and the reasons given for exceptions are, as they were written. **Names** of services, teams and environments differ from system to system:
`idp doctor --aliases FILE` lists those nobody knows by the rows they would rescue, and proposes lines for `aliases.csv`.

## Options of every system
"""


def markdown() -> str:
    """The whole of SOURCES.md."""
    lines = [_HEAD, *_options(COMMON), "\n## Systems\n", *_table(link="#"), "", *alone.lines()]
    for system in systems():
        lines += _section(system)
    return "\n".join(lines).rstrip("\n") + "\n"


def in_readme(readme: str) -> str:
    """The README with its table of systems made anew."""
    before, _, rest = readme.partition(BEGIN)
    _, _, after = rest.partition(END)
    return before + "\n".join([BEGIN, *_table(link="SOURCES.md#"), END]) + after


def _table(link: str) -> Iterator[str]:
    yield "| system | tables it gives | history it keeps | export it with |"
    yield "|---|---|---|---|"
    for system in systems():
        history = _history(system)
        tools = ", ".join(dict.fromkeys(f"`{_tool(recipe.command)}`" for recipe in system.recipes))
        yield f"| [{system.title}]({link}{system.kind}) | {', '.join(system.tables)} | {history} | {tools} |"


def _history(system: System) -> str:
    """How far back each table tells; what is now only comes last, and not by name."""
    by_history: dict[str, list[str]] = {}
    for gives in system.gives:
        by_history.setdefault(gives.history, []).append(gives.table)
    if len(by_history) == 1:
        return next(iter(by_history))
    now = by_history.pop(_NOW, None)
    said = [f"{', '.join(dict.fromkeys(tables))}: {history}" for history, tables in by_history.items()]
    return "; ".join([*said, *([f"the others {_NOW}"] if now else [])])


def _tool(command: str) -> str:
    """The first program a recipe runs."""
    return command.split(maxsplit=1)[0] if command else "by hand"


def _section(system: System) -> Iterator[str]:
    yield f'<a id="{system.kind}"></a>\n'
    yield f"### {system.title}\n"
    yield f'`kind = "{system.kind}"`. Documents: {", ".join(shape.what for shape in system.shapes)}.\n'
    yield "| table | history | it cannot tell |"
    yield "|---|---|---|"
    for gives in system.gives:
        yield f"| {gives.table}{' (now)' if gives.is_state else ''} | {gives.history} | {_lost(gives)} |"
    yield ""
    for recipe in system.recipes:
        yield f"`{recipe.file}` — needs {recipe.permission}.\n"
        if recipe.command:
            yield f"```\n{recipe.command}\n```\n"
        if recipe.note:
            yield f"{recipe.note}\n"
    if system.options:
        yield from _options(system.options)
        yield ""


def _lost(gives: Gives) -> str:
    return ", ".join(f"`{name}`" for name in gives.lost) or "–"


def _options(options: tuple[Option, ...]) -> Iterator[str]:
    yield "| option | kind | meaning |"
    yield "|---|---|---|"
    for option in options:
        words = f" One of {', '.join(f'`{word}`' for word in option.allowed)}." if option.allowed else ""
        default = f" Usual: `{option.default}`." if isinstance(option.default, str) else ""
        yield f"| `{option.name}` | {option.kind} | {option.doc}{words}{default} |".replace("\n", " ")
