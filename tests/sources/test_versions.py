from __future__ import annotations

import pytest

from idp_analytics.sources.versions import drift


@pytest.mark.parametrize(
    ("used", "current", "expected"),
    [
        ("1.9.0", "1.10.0", "behind"),  # not the order of text
        ("1.10.0", "1.10.0", "current"),
        ("v2", "2.0.0", "current"),
        ("2.1.0", "2.0.0", "current"),
        ("main", "main", "current"),
        ("main", "2.0.0", "unknown"),
        ("~> 1.0", "1.2", "unknown"),
        (None, "1.0", "unknown"),
        ("1.0", None, "unknown"),
        ("", "1.0", "unknown"),
    ],
)
def test_drift(used, current, expected):
    assert drift(used, current) == expected
