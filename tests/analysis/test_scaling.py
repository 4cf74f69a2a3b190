"""Power laws: found again where there is one, refused where the data cannot show one."""

import numpy as np
import pytest

from kanbench.analysis.scaling import fit_power_law, fit_scaling
from kanbench.analysis.significance import Refusal

SIZES = np.array([50.0, 100.0, 200.0, 500.0, 1000.0])


def noisy(law, generator, tasks=6, seeds=5, spread=0.3):
    return law[:, None, None] * np.exp(spread * generator.normal(size=(len(law), tasks, seeds)))


@pytest.mark.parametrize(("exponent", "floor"), [(0.5, 1e-3), (2.0, 1e-6), (4.0, 1e-8), (3.0, 1e-12)])
def test_a_law_without_noise_is_found_again(exponent, floor):
    law = fit_power_law(SIZES, 7.0 * SIZES**-exponent + floor)
    assert law.exponent == pytest.approx(exponent, rel=1e-4)
    assert law.amplitude == pytest.approx(7.0, rel=1e-3)
    assert law(SIZES) == pytest.approx(7.0 * SIZES**-exponent + floor, rel=1e-4)


def test_one_bad_size_does_not_bend_the_law():
    sizes = np.geomspace(50, 5000, 9)
    errors = sizes**-2.0
    errors[4] *= 10.0
    assert fit_power_law(sizes, errors).exponent == pytest.approx(2.0, abs=0.1)
    assert abs(np.polyfit(np.log(sizes[:6]), np.log(errors[:6]), 1)[0] + 2.0) > 0.2  # least squares are bent


def test_the_interval_holds_the_exponent_and_narrows_with_more_seeds():
    generator = np.random.default_rng(0)
    law = 30.0 * SIZES**-1.5 + 1e-5
    few = fit_scaling(SIZES, noisy(law, generator), generator, resamples=60).exponent
    many = fit_scaling(SIZES, noisy(law, generator, seeds=101), generator, resamples=60).exponent
    assert few.low < 1.5 < few.high
    assert many.low < 1.5 < many.high
    assert many.high - many.low < 0.5 * (few.high - few.low)


@pytest.mark.parametrize(
    ("sizes", "errors", "reason"),
    [
        (SIZES[:4], SIZES[:4] ** -1.0, "4 sizes are too few for three parameters: at least 5"),
        (SIZES[:5] / 4 + 100, SIZES**-1.0, "sizes from 112 to 350 are less than a decade"),
        (SIZES, SIZES * 0 + 0.1, "does not fall with size"),
        (SIZES, np.array([1.0, 1e-6, 1e-6, 1e-6, 1e-6]), "at once to its floor"),
        (SIZES, SIZES * 0, "an error of zero"),
    ],
)
def test_what_the_data_cannot_show_is_refused_with_the_reason(sizes, errors, reason):
    with pytest.raises(Refusal, match=reason):
        fit_scaling(sizes, np.tile(errors[:, None, None], (1, 6, 5)), np.random.default_rng(0), resamples=2)


def test_a_single_seed_without_error_is_refused_too():
    scores = np.tile(SIZES[:, None, None] ** -1.0, (1, 6, 5))
    scores[0, 0, 0] = 0.0
    with pytest.raises(Refusal, match="an error of zero"):
        fit_scaling(SIZES, scores, np.random.default_rng(0), resamples=2)


def test_the_interval_covers_the_exponent():
    generator = np.random.default_rng(1)
    law = 30.0 * SIZES**-1.5 + 1e-5
    intervals = [fit_scaling(SIZES, noisy(law, generator), generator, resamples=40).exponent for _ in range(25)]
    assert sum(i.low <= 1.5 <= i.high for i in intervals) >= 23  # of 25; 92 per cent
