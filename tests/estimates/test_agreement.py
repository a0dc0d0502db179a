"""Agreement beyond chance, against published values, statsmodels, hand-worked cases and laws."""

from __future__ import annotations

import json
import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from idp_analytics.estimates import agreement

N = np.nan
KRIPPENDORFF = [
    [1, 1, N, 1], [2, 2, 3, 2], [3, 3, 3, 3], [3, 3, 3, 3], [2, 2, 2, 2], [1, 2, 3, 4], [4, 4, 4, 4], [1, 1, 2, 1],
    [2, 2, 2, 2], [N, 5, 5, 5], [N, N, 1, 1], [N, N, 3, N],
]  # fmt: skip
"""Four raters, twelve things, some not judged (Krippendorff 2011, data C)."""

ABSTRACTORS = [[13, 0, 0], [0, 20, 7], [0, 4, 56]]
"""Two abstractors of 100 records (Gwet 2014)."""


@pytest.mark.parametrize(
    ("scale", "expected"), [("nominal", 0.743421), ("ordinal", 0.815388), ("interval", 0.849107), ("ratio", 0.797403)]
)
def test_the_published_alpha(scale, expected):
    found = agreement.krippendorff(KRIPPENDORFF, scale)
    assert found.value == pytest.approx(expected, abs=1e-6)
    assert found.n == 11  # the last was judged by one alone
    assert found.low <= found.value <= found.high


def test_the_published_kappa():
    # SAS PROC FREQ, as in the tests of statsmodels.
    plain = agreement.kappa([[0, 4, 1], [0, 8, 0], [0, 1, 5]])
    assert (plain.value, plain.error) == pytest.approx((0.4842, 0.1380), abs=5e-5)
    assert (plain.low, plain.high) == pytest.approx((0.2137, 0.7547), abs=5e-5)
    weighted = agreement.kappa([[0, 4, 1], [0, 8, 0], [0, 1, 5]], "linear")
    assert (weighted.value, weighted.error) == pytest.approx((0.4701, 0.1457), abs=5e-5)


def test_the_published_coefficients_of_one_table():
    found = agreement.ac1(ABSTRACTORS)
    assert found.value == pytest.approx(0.8493305, abs=1e-6)
    assert found.error == pytest.approx(0.0432, abs=5e-4)
    kappa = agreement.kappa(ABSTRACTORS)
    assert (kappa.value, kappa.error) == pytest.approx((0.7964094, 0.05891072), abs=1e-6)
    pairs = [(i, j) for i, row in enumerate(ABSTRACTORS) for j, times in enumerate(row) for _ in range(times)]
    assert agreement.krippendorff(pairs, "nominal", draws=50).value == pytest.approx(0.7972585, abs=1e-6)


def test_the_published_kappa_of_many_raters():
    # Fleiss 1971: ten things, fourteen raters, five levels.
    counts = [
        [0, 0, 0, 0, 14], [0, 2, 6, 4, 2], [0, 0, 3, 5, 6], [0, 3, 9, 2, 0], [2, 2, 8, 1, 1], [7, 7, 0, 0, 0],
        [3, 2, 6, 3, 0], [2, 5, 3, 2, 2], [6, 5, 2, 1, 0], [0, 2, 2, 3, 7],
    ]  # fmt: skip
    found = agreement.fleiss(counts)
    assert found.value == pytest.approx(0.210, abs=5e-4)
    assert found.low < found.value < found.high
    with pytest.raises(ValueError, match="as many"):
        agreement.fleiss([[2, 0], [1, 0]])


def test_reference_cases(cases):
    def case(name):
        path = cases / "stats" / "given" / f"{name}.json"
        if not path.is_file():
            pytest.skip(f"{path} is not there")
        read = json.loads(path.read_text())
        return read["data"], {key: (one["value"], one["atol"]) for key, one in read["expected"].items()}

    got, wanted = {}, {}
    data, told = case("E01g_kripp")
    held = np.array(data, float)
    got |= {scale: agreement.krippendorff(held, scale, draws=20).value for scale in told}
    wanted |= told
    data, told = case("E02g_wkappa_sas")
    plain, weighted = agreement.kappa(data), agreement.kappa(data, "linear")
    got |= {"kappa": plain.value, "ase": plain.error, "lo": plain.low, "hi": plain.high}
    got |= {"wkappa_0_1_2": weighted.value, "wase": weighted.error}
    wanted |= told
    for name, (value, tolerance) in wanted.items():
        assert got[name] == pytest.approx(value, abs=tolerance), name

    data, told = case("E03g_ac1")
    kappa = agreement.kappa(data)
    pairs = [(i, j) for i, row in enumerate(data) for j, times in enumerate(row) for _ in range(times)]
    got = {
        "AC1": agreement.ac1(data).value, "kappa": kappa.value, "kappa_se": kappa.error,
        "alpha": agreement.krippendorff(pairs, "nominal", draws=20).value, "pa": np.trace(data) / np.sum(data),
        "pabak_bp": agreement.brennan_prediger(data).value,
    }  # fmt: skip
    assert got.keys() == told.keys()
    for name, (value, tolerance) in told.items():
        assert got[name] == pytest.approx(value, abs=tolerance), name
    data, told = case("E05g_fleiss")
    assert agreement.fleiss(data).value == pytest.approx(told["kappa"][0], abs=told["kappa"][1])
    data, told = case("E08g_benchmark")
    word, chances = agreement.called(data["coeff"], data["se"])
    assert word == told.pop("label")[0].lower()
    for (name, (value, tolerance)), chance in zip(told.items(), chances, strict=False):
        assert chance == pytest.approx(value, abs=tolerance), name


def test_agreement_beyond_random_levels():
    # Nine of twelve alike on three levels: (¾ − ⅓) ÷ ⅔; √(¾ · ¼ ÷ 12) ÷ ⅔.
    found = agreement.brennan_prediger([[5, 1, 0], [1, 3, 1], [0, 0, 1]])
    assert found.value == pytest.approx(0.625)
    assert found.error == pytest.approx(np.sqrt(0.75 * 0.25 / 12) * 1.5)
    assert agreement.brennan_prediger([[10, 0], [0, 0]]).value == 1
    assert np.isnan(agreement.brennan_prediger(np.zeros((2, 2))).value)


def test_words_that_the_error_allows():
    # Gwet 2014: .775 looks substantial; with its error only moderate is 95 % sure.
    word, chances = agreement.called(0.77544, 0.14295)
    assert word == "moderate"
    np.testing.assert_allclose(chances[:4], [0.39674, 0.88336, 0.99542, 0.99997], atol=5e-6)
    assert agreement.called(0.77544, 0.01)[0] == "substantial"
    assert agreement.called(1.0, 0.0)[0] == "almost perfect"
    assert agreement.called(N, 0.1)[0] == ""


def test_levels_nobody_used_count():
    # Judged 1, 2, 4 and 1, 2, 3 on a scale of 1 to 4: without the unused levels the last pair is as far as it can be.
    one, other, levels = [1, 1, 2, 4, 4], [1, 2, 2, 4, 2], [1, 2, 3, 4]
    table = agreement.crossed(one, other, levels)
    assert table.shape == (4, 4)
    assert table.sum() == 5
    shorter = table[np.ix_([0, 1, 3], [0, 1, 3])]
    assert agreement.kappa(table, "quadratic").value != pytest.approx(agreement.kappa(shorter, "quadratic").value)
    assert agreement.crossed([1, N, 9], [1, 2, 2], levels).sum() == 1


@pytest.mark.parametrize("table", [np.zeros((3, 3)), np.diag([5, 0, 0])])
def test_nothing_to_agree_about(table):
    found = agreement.kappa(table)
    assert np.isnan(found.value)
    assert found.reason == ("everything was judged the same" if table.sum() else "nothing was judged by two")
    alike = agreement.krippendorff([[2, 2], [2, 2]], "ordinal")
    assert np.isnan(alike.value)
    assert agreement.krippendorff([[1, N], [N, 2]], "nominal").n == 0


PERFECT = [
    lambda n: agreement.kappa(np.diag([n - 4, 4, 0])),
    lambda n: agreement.kappa(np.diag([n - 4, 4, 0]), "quadratic"),
    lambda n: agreement.ac1(np.diag([n - 4, 4, 0])),
    lambda n: agreement.fleiss([[3, 0]] * (n - 4) + [[0, 3]] * 4),
    lambda n: agreement.krippendorff([[1, 1]] * (n - 4) + [[2, 2]] * 4, "ordinal"),
]


@pytest.mark.parametrize("coefficient", PERFECT)
def test_perfect_agreement_on_a_few_things_is_not_certain(coefficient):
    ten, many = coefficient(10), coefficient(200)
    assert (ten.value, ten.high) == (pytest.approx(1), 1)
    assert ten.low == pytest.approx(10 / (10 + 1.959964**2), abs=1e-6)  # Wilson, 10 of 10: n ÷ (n + z²)
    assert ten.low < many.low < 1
    assert agreement.called(ten.value, ten.error)[0] == "substantial"
    assert agreement.called(many.value, many.error)[0] == "almost perfect"


@pytest.mark.parametrize("coefficient", PERFECT)
def test_of_fewer_than_ten_things_there_is_no_interval(coefficient):
    few = coefficient(agreement.LEAST - 1)
    assert few.value == pytest.approx(1)
    assert np.isnan([few.low, few.high, few.error]).all()
    assert agreement.called(few.value, few.error)[0] == ""
    assert few.reason == "9 things were judged, and 10 are needed for an interval"


def test_one_side_says_always_the_same():
    # All in one row: what they agree on is what chance gives, with and without weights.
    for weights in (None, "linear", "quadratic"):
        found = agreement.kappa([[0, 0, 0], [3, 2, 7], [0, 0, 0]], weights)
        assert found.value == pytest.approx(0)
        assert found.n == 12
    assert agreement.kappa([[0, 1], [0, 0]]).value == pytest.approx(0)


@given(
    st.lists(st.lists(st.sampled_from([1, 2, 3, 4, N]), min_size=3, max_size=3), max_size=14),
    st.sampled_from(["nominal", "ordinal", "interval", "ratio"]),
)
def test_whatever_was_judged_the_interval_holds_the_coefficient(rows, scale):
    found = agreement.krippendorff(np.array(rows).reshape(-1, 3), scale, draws=50)
    if not np.isnan(found.low):
        assert found.low <= found.value <= found.high <= 1
        assert found.error > 0 or found.value < 1
    assert np.isnan(found.value) or found.value <= 1 + 1e-12


@given(st.lists(st.integers(0, 6), min_size=9, max_size=9))
def test_whatever_the_table_nothing_fails(cells):
    table = np.array(cells).reshape(3, 3)
    for found in (agreement.kappa(table), agreement.kappa(table, "quadratic"), agreement.ac1(table)):
        assert np.isnan(found.value) or found.value <= 1 + 1e-12
        if not np.isnan(found.low):
            assert found.low <= found.value + 1e-12 <= found.high + 2e-12


def test_agreement_stays_where_nearly_all_is_one_level():
    # 118 of 120 agree, 117 of them on the first level: kappa is low, AC1 is not.
    table = [[117, 1], [1, 1]]
    assert agreement.kappa(table).value < 0.6
    assert agreement.ac1(table).value > 0.97


@given(st.integers(0, 5000), st.sampled_from(["nominal", "ordinal", "interval", "ratio"]))
@settings(max_examples=30)
def test_perfect_is_one_and_order_does_not_matter(seed, scale):
    rng = np.random.default_rng(seed)
    truth = rng.integers(1, 5, (15, 1)).astype(float)
    truth[:2, 0] = 1, 2  # two levels at the least
    assert agreement.krippendorff(np.repeat(truth, 3, 1), scale, draws=20).value == pytest.approx(1)
    ratings = np.clip(truth + rng.integers(-1, 2, (15, 3)), 1, 4)
    found = agreement.krippendorff(ratings, scale, draws=20)
    assert found.value <= 1
    mixed = rng.permuted(ratings, axis=1)[rng.permutation(15)]
    assert agreement.krippendorff(mixed, scale, draws=20).value == pytest.approx(found.value)


def test_intervals_hold_the_truth_as_often_as_they_say():
    # Two raters who are right 80 % of the time and guess one of two otherwise: alpha and kappa are 0.8² = 0.64, and AC1 too.
    rng = np.random.default_rng(1)
    held = {"alpha": [], "kappa": [], "ac1": []}
    for _ in range(300):
        truth = rng.integers(0, 2, (100, 1))
        ratings = np.where(rng.random((100, 2)) < 0.8, truth, rng.integers(0, 2, (100, 2)))
        table = agreement.crossed(ratings[:, 0], ratings[:, 1], [0, 1])
        found = {
            "alpha": agreement.krippendorff(ratings, "nominal", draws=200), "kappa": agreement.kappa(table),
            "ac1": agreement.ac1(table),
        }  # fmt: skip
        for name, one in found.items():
            held[name].append(one.low <= 0.64 <= one.high)
    for name, hits in held.items():
        assert 0.9 <= np.mean(hits) <= 0.985, name


@pytest.mark.slow
def test_the_same_bytes_whatever_the_threads():
    code = (
        "import numpy as np; from idp_analytics.estimates import agreement;"
        "x = np.random.default_rng(0).integers(1, 6, (2503, 7)).astype(float);"
        "x[np.random.default_rng(1).random(x.shape) < 0.2] = np.nan;"
        "c = np.random.default_rng(2).multinomial(6, [0.2] * 5, 2503);"
        "print(repr((agreement.krippendorff(x, 'interval'), agreement.fleiss(c))))"
    )
    said = {
        subprocess.run(
            [sys.executable, "-c", code],
            check=True, capture_output=True, text=True, env=os.environ | {"OPENBLAS_NUM_THREADS": threads},
        ).stdout
        for threads in ("1", "2")
    }  # fmt: skip
    assert len(said) == 1


def test_draws_known_from_before_say_the_same_as_new_ones():
    held = np.array([[1, 1, 2], [2, 2, N], [1, 2, 2], [1, 1, 1]] * 4, float)
    times = agreement.drawn_again(len(held), 7, 50)
    assert times.shape == (51, len(held))
    assert (times.sum(1) == len(held)).all() and (times[0] == 1).all()
    for scale in ("nominal", "ordinal"):
        assert agreement.krippendorff(held, scale, 7, 50, times=times) == agreement.krippendorff(held, scale, 7, 50)
