"""Bass and logistic curves: published fits, curves put together by hand, and when nothing is said of the ceiling."""

from __future__ import annotations

import json

import numpy as np
import pytest

from idp_analytics.estimates.diffusion import bass, logistic

RECORDERS = [840, 1470, 2110, 4000, 7590, 10950, 10530, 9470, 7790, 5890]
"""Video recorders sold in the United States, 1979–88, in thousands: the textbook example of R's ``nls``."""

RAT42 = (
    [9, 14, 21, 28, 42, 57, 63, 70, 79],
    [8.93, 10.80, 18.59, 22.33, 39.35, 56.11, 61.73, 64.62, 67.08],
)
"""NIST StRD, nonlinear regression, Ratkowsky 1983: pasture yield. y = b1 / (1 + exp(b2 − b3·x))."""


def by_bass(periods: int, m: float, p: float, q: float) -> np.ndarray:
    """How many adopt in each period, without noise: m(F(t) − F(t − 1)), F(t) = (1 − e) / (1 + q/p·e), e = exp(−(p + q)t)."""
    e = np.exp(-(p + q) * np.arange(periods + 1))
    return np.diff(m * (1 - e) / (1 + q / p * e))


def test_the_density_form_as_published():
    found = bass(RECORDERS, form="density")
    assert (found["m"], found["p"], found["q"]) == (pytest.approx(67980.98, abs=5), pytest.approx(0.006594, abs=2e-6), pytest.approx(0.63809, abs=2e-5))  # fmt: skip
    assert found.error("m") == pytest.approx(3127.5, abs=3)
    assert found.error("p") == pytest.approx(0.00143, abs=2e-6)
    assert found.error("q") == pytest.approx(0.0414, abs=2e-5)
    assert (found.residual, found.freedom) == (pytest.approx(727.19, abs=0.05), 7)
    assert found.is_identified


def test_the_interval_form_says_another_p_of_the_same_data():
    found = bass(RECORDERS)
    assert (found["m"], found["p"], found["q"]) == (pytest.approx(67660, abs=1), pytest.approx(0.00879, abs=1e-5), pytest.approx(0.6422, abs=1e-4))  # fmt: skip
    assert "interval" in found.model


def test_the_case(cases):
    case = json.loads((cases / "stats" / "given" / "A01g_bass_vcr.json").read_text())
    found, told = bass(case["data"], form="density"), case["expected"]
    for name in ("m", "p", "q"):
        assert found[name] == pytest.approx(told[name]["value"], abs=told[name]["atol"])
        assert found.error(name) == pytest.approx(told[f"se_{name}"]["value"], abs=told[f"se_{name}"]["atol"])
    assert found.residual == pytest.approx(told["resid_se"]["value"], abs=told["resid_se"]["atol"])


def test_the_logistic_curve_certified_by_nist():
    found = logistic(*RAT42)
    assert found["asym"] == pytest.approx(7.2462237576e01, rel=1e-7)
    assert found["xmid"] / found["scal"] == pytest.approx(2.6180768402e00, rel=1e-6)
    assert 1 / found["scal"] == pytest.approx(6.7359200066e-02, rel=1e-6)
    assert found.error("asym") == pytest.approx(1.7340283401e00, rel=1e-5)
    assert found.residual == pytest.approx(1.1587725499e00, rel=1e-7)
    assert found.is_identified


def test_the_logistic_case(cases):
    case = json.loads((cases / "stats" / "given" / "A02g_logistic_dnase.json").read_text())
    found, told = logistic(np.log(case["data"]["conc"]), case["data"]["density"]), case["expected"]
    for name, published in (("asym", "Asym"), ("xmid", "xmid"), ("scal", "scal")):
        assert found[name] == pytest.approx(told[published]["value"], abs=told[published]["atol"])
        assert found.error(name) == pytest.approx(told[f"se_{published}"]["value"], abs=told[f"se_{published}"]["atol"])
    assert found.residual == pytest.approx(told["resid_se"]["value"], abs=told["resid_se"]["atol"])


@pytest.mark.parametrize("ceiling", [None, 200.0])
def test_what_was_put_in_comes_out(ceiling):
    found = bass(by_bass(24, 200, 0.02, 0.3), ceiling)
    assert (found["m"], found["p"], found["q"]) == (pytest.approx(200, rel=1e-4), pytest.approx(0.02, rel=1e-3), pytest.approx(0.3, rel=1e-3))  # fmt: skip
    assert found.inflection == pytest.approx(np.log(0.3 / 0.02) / 0.32, rel=1e-3)
    assert found.expected([24]) == pytest.approx(by_bass(24, 200, 0.02, 0.3).sum(), rel=1e-4)
    assert found.is_identified
    assert np.isnan(found.error("m")) == (ceiling is not None)


@pytest.mark.parametrize("ceiling", [None, 200.0])
def test_before_growth_was_fastest_the_ceiling_is_not_identified(ceiling):
    # Fastest after ln(0.5 / 0.004) / 0.504 = 9.6 periods; eight are known.
    found = bass(by_bass(8, 200, 0.004, 0.5), ceiling)
    assert found.reason == "growth has not yet been fastest"
    early = logistic(np.arange(8), 100 / (1 + np.exp((9 - np.arange(8)) / 2)), ceiling)
    assert not early.is_identified
    assert early.inflection > 7


def test_a_ceiling_that_wide_tells_nothing():
    noisy = [3, 1, 4, 2, 5, 1, 3, 4]  # 23 adopters, no end in sight
    found = bass(noisy)
    assert not found.is_identified


@pytest.mark.parametrize(
    ("counts", "reason"),
    [
        ([5, 9, 9, 5, 2], "fewer than 6 periods"),
        ([1, 2, 3, 2, 1, 0], "fewer than 10 adopters"),
        ([], "fewer than 6 periods"),
    ],
)
def test_too_little(counts, reason):
    found = bass(counts, 30.0)
    assert (found.reason, found["m"]) == (reason, 30.0)
    assert np.isnan(found.expected([1.0])).all()


def test_points_too_few_or_empty():
    assert logistic([1, 2, 3], [1, 2, 3]).reason == "fewer than 6 points"
    assert logistic(range(8), [0] * 8).reason == "nobody adopted"


def test_another_form_is_refused():
    with pytest.raises(ValueError, match="interval, density"):
        bass(RECORDERS, form="ols")


def test_the_given_ceiling_holds_the_truth_about_as_often_as_said():
    """500 services that adopt by a Bass process: p and q with m known lie within two standard errors of the truth mostly."""
    rng = np.random.default_rng(3)
    m, p, q, held = 500, 0.02, 0.35, 0
    shares = np.append(by_bass(20, 1, p, q), 0)
    shares[-1] = 1 - shares.sum()
    for _ in range(60):
        found = bass(rng.multinomial(m, shares)[:-1], float(m))
        held += abs(found["q"] - q) < 2 * found.error("q")
        assert found.is_identified
    assert held / 60 > 0.85
