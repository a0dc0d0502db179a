"""Pseudonyms of people: what stands for a login, an address or an account id in every table."""

from __future__ import annotations

import hmac
import os
import re
from collections.abc import Iterable

KEY_VARIABLE = "IDP_PEOPLE_KEY"
"""Environment variable with the secret that makes pseudonyms; without it anybody who knows a login can make its pseudonym."""

_PREFIX = "person:"
_FORM = re.compile(r"person:[0-9a-f]{16}")


def pseudonym(native: str) -> str:
    """``person:`` and 16 hexadecimal digits for a login, address or account id; the same for the same one.

    HMAC-SHA-256 under the secret in :data:`KEY_VARIABLE`. Case and surrounding space do not matter; what is a pseudonym
    already stays as it is. The system is left out on purpose: one login in two systems is taken for one person, and an
    ``aliases`` row (kind = person) joins two.
    """
    return pseudonyms([native])[0]


def apart(native: str | None, thing: str) -> str | None:
    """16 hexadecimal digits for a login in the id of one ``thing`` that several people have a row of: they tell these apart, and neither who somebody is nor
    whether one of another thing is the same person. Ids are published; pseudonyms are not."""
    return pseudonym(f"{thing}\n{native}").removeprefix(_PREFIX) if native else None


def pseudonyms(natives: Iterable[str]) -> list[str]:
    """:func:`pseudonym` of each. What is made of the secret alone is made once."""
    keyed = hmac.new(os.environ.get(KEY_VARIABLE, "").encode(), digestmod="sha256")
    found = []
    for native in natives:
        plain = native.strip().lower()
        if plain.startswith(_PREFIX) and _FORM.fullmatch(plain):
            found.append(plain)
            continue
        whole = keyed.copy()
        whole.update(plain.encode("utf-8", "surrogatepass"))
        found.append(f"person:{whole.hexdigest()[:16]}")
    return found
