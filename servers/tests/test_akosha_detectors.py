"""The detectors and the chart's view: published methods, held to what was published and to what noise is."""

from itertools import accumulate, pairwise
from statistics import NormalDist

import msgspec
import pytest
from hypothesis import assume, example, given
from hypothesis import strategies as st

from bodhisattva.servers.akosha import control, detectors, downsample, season
from bodhisattva.servers.akosha.detectors import PATTERNS
from bodhisattva.servers.akosha.findings import Pattern

STEADY = [10.0, 11.0, 9.0, 10.0, 12.0, 10.0, 9.0, 11.0, 10.0, 10.0]
numbers = st.integers(-1000, 1000).map(float)


def test_the_score_is_that_of_iglewicz_and_hoaglin() -> None:
    found = detectors.outlier([*STEADY, 20.0])
    assert found is not None
    assert (found.median, found.spread, found.spread_type) == (10.0, 1.0, "mad")
    assert found.score == pytest.approx(0.6745 * 10)


def test_flat_series_is_scored_by_its_mean_deviation() -> None:
    found = detectors.outlier([5.0] * 10 + [6.0])
    assert found is not None
    assert found.spread_type == "mean_ad"
    assert found.score == pytest.approx(1 / (1.253314 * (1 / 11)))


@pytest.mark.parametrize(
    ("jump", "severity"), [(50.0, "critical"), (5.02, "critical"), (5.005, "high"), (5.004, "medium"), (5.002, "low")]
)
def test_jump_of_a_flat_series_is_an_outlier_by_its_size(jump: float, severity: str) -> None:
    """Each had the score 47.9, whatever its size."""
    for sign in (1, -1):
        found = detectors.outlier([sign * 5.0] * 59 + [sign * jump])
        assert found is not None
        assert detectors.severity(found.score) == severity
        assert (found.score > 0) == (sign > 0)
    small = detectors.outlier([5.0] * 59 + [5.002])
    assert small is not None
    assert small.spread_type == "floor"
    assert small.score == pytest.approx(0.002 / small.spread)


@pytest.mark.parametrize(
    "values",
    [
        [0.3] * 20 + [0.1 + 0.2] * 20,
        [1 + 1e-16 * place for place in range(120)],
        [1e6 + 1e-9 * place for place in range(120)],
        [5 + 1e-15 * (place % 6) for place in range(120)],
        [5.0] * 100 + [5 + 1e-7] * 20,
        [0.0] * 100 + [1e-17] * 20,
        [sum([0.1] * place) - 0.1 * place for place in range(60)],
        [sum([0.1] * 10, float(place % 6)) - place % 6 - 1 for place in range(120)],
    ],
    ids=[
        "thirds",
        "last digits",
        "last digits of a million",
        "cycles",
        "seven digits",
        "of zero",
        "sums",
        "sums by cycles",
    ],
)
def test_a_rounding_error_is_no_finding(values: list[float]) -> None:
    for end in range(len(values) + 1):
        for found in detectors.patterns(values[:end], 6):
            assert found.confidence < 0.999, (end, found)
        assert detectors.outlier(values[:end]) is None, end
        assert detectors.outlier(values[:end], 6) is None, end


@pytest.mark.parametrize("unit", [1e-9, 1e-3, 1, 1e9])
@pytest.mark.parametrize("base", [0.0, 1.0, -1e3])
def test_a_small_change_of_large_values_is_found(unit: float, base: float) -> None:
    noise = NormalDist(0, 1).samples(120, seed=4)
    rising = [(base + 0.1 * place + each) * unit for place, each in enumerate(noise)]
    for detect in (detectors.trend, detectors.level_shift):
        found = detect(rising)
        assert found is not None
        assert (found.direction, found.confidence > 0.999) == ("up", True)
    assert detectors.outlier([(base + each) * unit for each in noise[:60]] + [(base + 20) * unit]) is not None


def test_one_far_value_does_not_hide_the_others() -> None:
    noise = NormalDist(100, 5).samples(59, seed=1)
    assert detectors.outlier([*noise[:30], 1e12, *noise[30:], 200.0]) is not None
    shifted = [value + (30 if place >= 20 else 0) for place, value in enumerate(noise[:40])]
    shifted[3] = 1e12
    found = detectors.level_shift(shifted)
    assert found is not None
    assert found.confidence > 0.999


def test_residuals_of_a_season_without_noise_are_no_outliers() -> None:
    values = [float(HOURS[place % 12] - 20) for place in range(120)]
    assert detectors.outlier([*values, 1e-9], 12) is None
    found = detectors.outlier([*values, 30.0], 12)
    assert found is not None


@pytest.mark.parametrize(
    "values", [[], [5.0] * 60, [*STEADY[:8], 99.0], [*STEADY, 13.0], [0.3] * 30 + [0.1 + 0.2], [5.0] * 60 + [5 + 1e-7]]
)
def test_values_within_the_threshold_are_no_outliers(values: list[float]) -> None:
    assert detectors.outlier(values) is None


@given(st.lists(numbers, min_size=10, max_size=40), st.floats(0.1, 100), numbers)
def test_the_score_does_not_depend_on_the_unit(values: list[float], scale: float, origin: float) -> None:
    found = detectors.outlier(values)
    converted = detectors.outlier([value * scale + origin for value in values])
    assume(found is None or abs(found.score) > detectors.OUTLIER_THRESHOLD + 0.01)
    assume(converted is None or abs(converted.score) > detectors.OUTLIER_THRESHOLD + 0.01)
    assert (found and pytest.approx(found.score, rel=1e-6)) == (converted and converted.score)


@given(st.lists(numbers | st.floats(-1e15, 1e15), max_size=130))
@example([5e-324] * 30 + [1e-323] * 30)
@example([1e-300, 2e-300, 4e-300] * 30)
def test_findings_are_finite(values: list[float]) -> None:
    for found in (detectors.outlier(values), detectors.outlier(values, 5), *(find(values) for find in PATTERNS)):
        msgspec.json.decode(msgspec.json.encode(found), type=tuple[float | str | None, ...] | None)
        if isinstance(found, Pattern):
            assert 0 <= found.confidence <= 1


@pytest.mark.parametrize(("score", "severity"), [(3.6, "low"), (-5.1, "medium"), (8.1, "high"), (-12.1, "critical")])
def test_severity_follows_the_score(score: float, severity: str) -> None:
    assert detectors.severity(score) == severity


@given(st.lists(st.integers(1, 9).map(float), min_size=10, max_size=50), st.sampled_from([1, -1]))
def test_monotonic_series_is_a_trend(steps: list[float], sign: int) -> None:
    values = [sign * sum(steps[: place + 1]) for place in range(len(steps))]
    found = detectors.trend(values)
    assert found is not None
    assert found.confidence > 0.999
    assert found.direction == ("up" if sign > 0 else "down")
    slopes = [later - earlier for earlier, later in pairwise(values)]
    assert min(slopes) <= found.size <= max(slopes)


def test_step_is_a_level_shift() -> None:
    values = [5.0] * 20 + [7.0] * 20
    found = detectors.level_shift(values)
    assert found is not None
    assert (found.direction, found.size) == ("up", 2.0)
    assert found.confidence > 0.999


def test_single_spike_is_no_pattern() -> None:
    values = [5.0] * 30 + [500.0]
    assert detectors.trend(values) is None
    assert detectors.level_shift(values) is None
    assert control.drift([5.0] * 60 + [500.0] + [5.0] * 19) is None
    noise = NormalDist(0, 1).samples(80, seed=3)
    for place in range(60, 80):
        found = control.drift([*noise[:place], 500.0, *noise[place + 1 :]])
        assert found is None or found.confidence < 0.999, place


def test_noise_is_seldom_a_pattern() -> None:
    noise = NormalDist(100, 5).samples(36_000, seed=1)
    series = [noise[start : start + 120] for start in range(0, len(noise), 120)]
    for detect in PATTERNS:
        confidences = [found.confidence for values in series if (found := detect(values))]
        assert sum(confidence > 0.95 for confidence in confidences) < 40, detect
        assert sum(confidence > 0.999 for confidence in confidences) < 5, detect


def test_small_lasting_change_is_a_drift_and_no_value_of_it_an_outlier() -> None:
    noise = NormalDist(0, 1).samples(80, seed=3)
    values = [value + (1.2 if place >= 60 else 0) for place, value in enumerate(noise)]
    assert all(detectors.outlier(values[: place + 1]) is None for place in range(60, 80))
    found = control.drift(values)
    assert found is not None
    assert (found.direction, found.sample_size) == ("up", 80)
    assert found.confidence > 0.999
    assert control.drift(noise) is None or control.drift(noise).confidence < 0.95  # type: ignore[union-attr]


def test_average_is_weighted_as_roberts_has_it() -> None:
    values = [10.0, 12.0] * 30 + [11.0] * 19 + [16.0]
    found = control.drift(values)
    assert found is not None
    assert found.size == pytest.approx(0.2 * 5)
    share = 0.2 / 1.8 * (1 - 0.8**40)
    limit = 2 / 1.128 * share**0.5
    assert found.confidence == pytest.approx(2 * NormalDist().cdf(1 / limit) - 1)


HOURS = [20.0, 21, 22, 24, 30, 45, 60, 58, 50, 40, 30, 24]


def daily(days: int) -> list[float]:
    noise = NormalDist(0, 1).samples(days * len(HOURS), seed=5)
    return [HOURS[place % len(HOURS)] + each for place, each in enumerate(noise)]


@given(st.integers(3, 20), st.integers(1, 100))
@example(3, 56)
def test_a_repeated_shape_is_a_season(period: int, seed: int) -> None:
    shape = [0.0] * (period - 1) + [10.0]
    noise = NormalDist(0, 1).samples(120, seed=seed)
    found = season.season([shape[place % period] + 0.05 * place + each for place, each in enumerate(noise)])
    assert found is not None
    assert (found.period, found.direction) == (period, None)
    assert found.confidence > 0.999


def test_a_random_walk_is_seldom_a_season() -> None:
    seasons = 0
    for seed in range(200):
        found = season.season(list(accumulate(NormalDist(0, 1).samples(120, seed=seed))))
        seasons += found is not None and found.confidence > 0.999
    assert seasons < 20


def test_a_season_explains_its_peaks_and_a_missing_peak_is_an_outlier() -> None:
    values = daily(9)
    peak = next(place for place in range(96, 108) if HOURS[place % 12] == 60)
    assert detectors.outlier(values[: peak + 1], 12) is None
    missed = [*values[:peak], 22.0]
    assert detectors.outlier(missed) is None
    found = detectors.outlier(missed, 12)
    assert found is not None
    assert (found.value, found.period) == (22, 12)
    assert found.median == pytest.approx(60, abs=2)
    assert found.score < -8


def test_a_season_is_no_change_and_a_change_on_top_of_it_is_found() -> None:
    values = daily(20)
    for end in range(120, 240):
        (only,) = (found for found in detectors.patterns(values[:end], 12) if found.confidence > 0.999)
        assert (only.pattern_type, only.period) == ("season", 12), end
    risen = [value + (3 if place >= 220 else 0) for place, value in enumerate(values)]
    changes = {found.pattern_type: found for found in detectors.patterns(risen, 12) if found.confidence > 0.999}
    assert {"level_shift", "drift"} <= changes.keys()
    shift = changes["level_shift"]
    assert (shift.direction, shift.period) == ("up", 12)
    assert shift.size == pytest.approx(3, abs=1)


@given(st.lists(numbers, min_size=1, max_size=200), st.integers(3, 50))
def test_downsampled_series_keeps_its_ends_and_its_order(values: list[float], count: int) -> None:
    places = downsample.chosen(values, count)
    assert len(places) == min(count, len(values))
    assert (places[0], places[-1]) == (0, len(values) - 1)
    assert places == sorted(set(places))
