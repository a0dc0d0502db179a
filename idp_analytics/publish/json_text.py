"""Values as JSON, the same bytes as the standard library's with its names in order, in a tenth of the time where that can be told.

:mod:`msgspec` writes texts and whole numbers as :mod:`json` does, but some floats otherwise, and what JSON has not as something. So it is
given what holds neither; floats only in a :class:`~idp_analytics.charts.chart.Drawing`, which has none that are written in two ways.
"""

from __future__ import annotations

import json
from typing import Any

import msgspec

from idp_analytics.charts.chart import Drawing

_LEAVES = frozenset({str, int, bool, type(None), Drawing})
_encoded = msgspec.json.Encoder(order="sorted").encode
_strict = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False, allow_nan=False, sort_keys=True).encode
_spaced = json.JSONEncoder(ensure_ascii=False, sort_keys=True).encode


def compact(value: Any) -> str:
    """Without a space; raises ``ValueError`` for what is no number, and ``TypeError`` for what JSON has not."""
    return _encoded(value).decode() if type(value) is Drawing else _strict(value)


def line(value: Any) -> str:
    """With a space after commas and colons, as a notebook's file has it; raises ``TypeError`` for what JSON has not."""
    if _is_alike(value):
        try:
            return msgspec.json.format(_encoded(value), indent=0).decode()
        except (msgspec.MsgspecError, OverflowError):
            pass
    return _spaced(value)


def _is_alike(value: Any) -> bool:
    """Whether both write it alike."""
    if type(value) in _LEAVES:
        return True
    if isinstance(value, dict):
        return all(type(name) is str and _is_alike(part) for name, part in value.items())
    return type(value) is list and all(map(_is_alike, value))
