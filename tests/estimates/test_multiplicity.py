"""Benjamini & Hochberg's own example, and what was not tested."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from idp_analytics.estimates import multiplicity

PUBLISHED = (
    0.0001, 0.0004, 0.0019, 0.0095, 0.0201, 0.0278, 0.0298, 0.0344, 0.0459, 0.3240, 0.4262, 0.5719, 0.6528, 0.7590, 1.0
)  # fmt: skip
"""Benjamini & Hochberg 1995, section 3.3: four of the fifteen are rejected at 0.05, by Bonferroni three."""


def test_the_published_example():
    """C03g."""
    found = multiplicity.adjusted(PUBLISHED)
    assert (found <= 0.05).sum() == 4
    assert (np.array(PUBLISHED) <= 0.05 / 15).sum() == 3
    np.testing.assert_allclose(found[:4], [0.0015, 0.003, 0.0095, 0.035625])


def test_what_was_not_tested_counts_for_nothing():
    found = multiplicity.adjusted([0.01, np.nan, 0.04])
    np.testing.assert_allclose(found, [0.02, np.nan, 0.04])
    assert np.isnan(multiplicity.adjusted([np.nan])).all()
    assert multiplicity.adjusted([]).shape == (0,)
    with pytest.raises(ValueError, match="0"):
        multiplicity.adjusted([1.2])


@given(st.lists(st.floats(0, 1), min_size=1, max_size=30))
def test_never_smaller_and_in_the_same_order(chances):
    found = multiplicity.adjusted(chances)
    assert (found >= np.array(chances) - 1e-12).all()
    assert (found <= 1).all()
    assert (np.diff(found[np.argsort(chances, kind="stable")]) >= -1e-12).all()
