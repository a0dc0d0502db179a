"""Rows of people in what is published about the data itself: files, checks, rows set aside.

A number of rows that moves by one between two reports is one person's; the time of the last row is the time somebody answered. So of
:data:`idp_analytics.tables.OF_PEOPLE` numbers of rows are told in whole fives, and neither times nor where in its file a row stands. This is
all a mart holds of them, so it is all that pages and notebooks can say; ``idp check`` tells whoever has the files.
"""

from __future__ import annotations

import polars as pl

from idp_analytics.tables import OF_PEOPLE

STEP = 5
"""Numbers of rows are told in steps of so many: those read rounded down, those that are not as expected rounded up."""

SAID = f"Rows of files about people are told in steps of {STEP}, so that no report tells of one more person; idp check counts them for whoever has the files."

TOLD_BY_CHECK = "(not shown)"

_IS = pl.col("table").is_in(list(OF_PEOPLE))


def loads(read: pl.DataFrame) -> pl.DataFrame:
    """The table ``loads`` as it may be published; of files of people what was dropped from them, and why, is left out too."""
    return read.with_columns(
        *(
            pl.when(_IS).then(pl.col(name) // STEP * STEP).otherwise(name).alias(name)
            for name in ("rows_in", "rows_out")
        ),
        *(pl.when(~_IS).then(name).alias(name) for name in ("period_from", "period_to")),
        pl.when(_IS).then(pl.lit("{}")).otherwise("dropped").alias("dropped"),
        pl.when(_IS).then(pl.lit([], pl.List(pl.String))).otherwise("warnings").alias("warnings"),
    )


def checks(made: pl.DataFrame) -> pl.DataFrame:
    """The checks as they may be published."""
    of = pl.col("element_count") // STEP * STEP
    unmet = pl.col("unexpected_count")  # null: of the table as a whole
    some = pl.when(unmet.is_not_null()).then(pl.min_horizontal((unmet + STEP - 1) // STEP * STEP, of))
    share = pl.when(of > 0).then(some / of)
    told = {"element_count": of, "unexpected_count": some, "unexpected_share": share}
    return made.with_columns(pl.when(_IS).then(value).otherwise(name).alias(name) for name, value in told.items())


def rejected(aside: pl.DataFrame) -> pl.DataFrame:
    """Rows set aside as they may be published."""
    return aside.with_columns(
        pl.when(_IS).then(pl.lit(TOLD_BY_CHECK)).otherwise("found").alias("found"),
        pl.when(~_IS).then("row").alias("row"),
    )
