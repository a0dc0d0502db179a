"""The data dictionary (``data/README.md``), made from the declarations so that it cannot lag behind them."""

from __future__ import annotations

from collections.abc import Iterator

from idp_analytics.tables import LINEAGE, TABLES
from idp_analytics.tables.declare import Column, Table

_HEAD = """\
# Data

`data/sample/` is the synthetic company the kit ships with; every name and number in it is made up. Put your own in
`data/<org>/` (ignored by git): the files your systems export and a `settings.toml` that says what they are.
`idp init data/<org>` looks at the files and writes that and the mapping files.

Below is every table the kit computes from. Sources end in these and metrics read nothing else. This page is generated
from `idp_analytics/tables/` by `make generated`; do not edit it.

**Conventions.** Ids are `source:native` text. `_at` is a UTC timestamp, `_on` a date. Enum words are lower case; an
unknown word becomes *not known*, and the original stays in `<column>_raw` where there is one. Spans are half-open:
`valid_to` is the first day on which something no longer holds. Empty means *not known*: never zero, no or success.
Every table but `loads` also carries its lineage:

"""


def markdown() -> str:
    """The whole of ``data/README.md``."""
    lines = [_HEAD + "\n".join(_columns(LINEAGE)), "\n## Tables\n", "| table | one row is |", "|---|---|"]
    lines += [f"| [{t.name}](#{t.name}) | {t.grain} |" for t in TABLES.values()]
    for title, facts in (("Dimensions", False), ("Facts", True)):
        lines.append(f"\n## {title}")
        for table in TABLES.values():
            if table.is_fact is facts:
                lines += _section(table)
    return "\n".join(lines) + "\n"


def _section(table: Table) -> Iterator[str]:
    yield f"\n### {table.name}\n"
    dated = f" Dated by the first known of {_code(table.time)}." if table.time else ""
    owned = " Belongs to the team that owned its service that day, unless it names one." if table.owned else ""
    yield f"One row is {table.grain}; identified by {_code(table.key)}.{dated}{owned}\n"
    yield from _columns(tuple(c for c in table.columns if c not in LINEAGE))


def _columns(columns: tuple[Column, ...]) -> Iterator[str]:
    yield "| column | type | may be empty | meaning |"
    yield "|---|---|---|---|"
    for column in columns:
        unit = f" ({column.unit})" if column.unit else ""
        words = f" One of {_code(column.values)}." if column.values else ""
        yield f"| {column.name} | {column.kind.value}{unit} | {'yes' if column.nullable else 'no'} | {column.doc}{words} |"


def _code(names: tuple[str, ...]) -> str:
    return ", ".join(f"`{name}`" for name in names)
