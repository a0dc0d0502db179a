"""``[limits]``: how much one file may be. A small file can be made to unpack, or to be read, to anything."""

from __future__ import annotations

from dataclasses import dataclass, fields

from idp_analytics.settings.toml_reader import TomlReader

MIB = 1 << 20


@dataclass(frozen=True)
class Limits:
    """The most one file may be; whoever has larger ones, and the memory for them, raises these.

    ``unpacked_mib``: what a packed file unpacks to. ``json_mib``, ``yaml_mib``: the text of a file of documents, which takes 15 to 45
    times as much memory as JSON and 250 times as YAML (measured). ``cells``: rows times columns that are read of a table, 30 to 40 bytes each.
    """

    unpacked_mib: int = 2048
    json_mib: int = 512
    yaml_mib: int = 32
    cells: int = 500_000_000


def parse(entry: TomlReader) -> Limits:
    """The table ``[limits]``; what is wrong with it is in its problems."""
    usual = Limits()
    said = {one.name: entry.number(one.name, getattr(usual, one.name), above=0, below=2**40) for one in fields(Limits)}
    entry.done()
    return Limits(**{name: max(1, int(value)) for name, value in said.items()})
