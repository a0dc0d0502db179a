from __future__ import annotations

from decimal import Decimal, localcontext

import polars as pl
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from idp_analytics.metrics.allocation.places import in_places
from idp_analytics.tables import MONEY

amount = st.decimals(-9_000_000, 9_000_000, places=24, allow_nan=False)


@hypothesis_settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(st.tuples(st.integers(0, 4), amount), max_size=40), piece=st.integers(1, 50), smaller=st.booleans()
)
def test_sums_are_exact_whatever_the_pieces(rows: list[tuple[int, Decimal]], piece: int, smaller: bool) -> None:
    if smaller:
        rows = [(place, abs(value) / 128) for place, value in rows]
    frame = pl.DataFrame(rows, {"place": pl.UInt32, "amount": MONEY}, orient="row")
    pieces = [(part["place"], part["amount"]) for part in frame.iter_slices(piece)] if rows else []
    found = in_places(pieces, 5, is_credited=not smaller, is_small=smaller)
    with localcontext() as context:
        context.prec = 76
        wanted = {}
        for place, value in frame.iter_rows():
            whole, positive, n = wanted.get(place, (Decimal(0), Decimal(0), 0))
            wanted[place] = (whole + value, positive + max(value, Decimal(0)), n + 1)
    assert {row[0]: row[1:] for row in found.iter_rows()} == wanted


def test_carries_go_through_all_parts() -> None:
    amounts = pl.Series(["99999999999999.999999999999999999999999", "-0.000000000000000000000001"]).cast(MONEY)
    found = in_places([(pl.Series([0, 0], dtype=pl.UInt32), amounts)], 1)
    assert found.row(0) == (0, Decimal("99999999999999.999999999999999999999998"), amounts[0], 2)
