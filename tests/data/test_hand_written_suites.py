"""The suites of irregular and oscillating targets against functions written by hand, without formulas."""

import numpy as np
import pytest
from scipy import signal

from kanbench.data import load_suite
from tests.data.test_suites import to_ranges

PI = np.pi


def smooth_step(x):
    return 1 / (1 + np.exp(-20 * x))


def rounded(x):
    return np.hypot(x, 0.1)


def slow_waves(x):
    return 5 + sum(np.sin(k * x) for k in (1, 2, 3, 4))


def waves_with_jump(x):
    return np.where(x < 0, slow_waves(x), np.cos(10 * x))


def waves_with_slope(x):
    return slow_waves(x) + smooth_step(x) * (np.cos(10 * x) - slow_waves(x))


def three_pieces(x):
    first = np.sin(20 * PI * x) + x**2
    second = x * np.exp(-x) / 2 + np.abs(np.sin(5 * PI * x))
    third = np.log2(np.maximum(x, 1.5) - 1) - np.cos(2 * PI * x)
    return np.select([x < 0.5, x < 1.5], [first, second], third)


def three_smooth_pieces(x):
    first = np.sin(20 * PI * x) + x**2
    second = x * np.exp(-x) / 2 + rounded(np.sin(5 * PI * x))
    third = np.log2(0.5 + rounded(x - 1.5)) - np.cos(2 * PI * x)
    return first + smooth_step(x - 0.5) * (second - first) + smooth_step(x - 1.5) * (third - second)


def stairs(x):
    return np.array([0.0, 1.0, 3.0, 2.0, 0.5])[np.digitize(x, [-0.62, -0.13, 0.37, 0.71])]


IRREGULAR = {
    "absolute": lambda x: np.maximum(x, -x),
    "absolute_smooth": rounded,
    "cusp": lambda x: 1 - np.where(x < 0, -x, x) ** 0.5,
    "cusp_smooth": lambda x: 1 - np.sqrt(rounded(x)),
    "jump": lambda x: np.where(x < 0, 0.0, 1.0),
    "jump_smooth": smooth_step,
    "stairs": stairs,
    "stairs_smooth": lambda x: (
        smooth_step(x + 0.62) + 2 * smooth_step(x + 0.13) - smooth_step(x - 0.37) - 1.5 * smooth_step(x - 0.71)
    ),
    "pole": np.reciprocal,
    "pole_smooth": lambda x: np.reciprocal(x + 0.1),
    "roots": lambda x: np.exp(np.log(x) / 2 + 3 * np.log1p(-x) / 4),
    "roots_smooth": lambda x: np.exp(np.log(x + 0.1) / 2 + 3 * np.log(1.1 - x) / 4),
    "cosine_of_inverse": lambda x: np.sin(PI / 2 + 1 / x),
    "cosine_of_inverse_smooth": lambda x: np.sin(PI / 2 + 1 / x),
    "cosine_between_poles": lambda x: np.exp(2j * PI / (1 - x) / (1 + x)).real,
    "cosine_between_poles_smooth": lambda x: np.exp(2j * PI / (1 - x) / (1 + x)).real,
    "waves_with_jump": waves_with_jump,
    "waves_with_jump_smooth": waves_with_slope,
    "three_pieces": three_pieces,
    "three_pieces_smooth": three_smooth_pieces,
    "kinks_on_axes": lambda x, y: np.linalg.norm([x, y], ord=1, axis=0),
    "kinks_on_axes_smooth": lambda x, y: rounded(x) + rounded(y),
    "kink_on_line": lambda x, y: np.maximum(x - y / 2 + 0.1, y / 2 - x - 0.1),
    "kink_on_line_smooth": lambda x, y: rounded(x - y / 2 + 0.1),
    "kink_on_circle": lambda x, y: np.abs(np.hypot(x, y) ** 2 - 0.5),
    "kink_on_circle_smooth": lambda x, y: rounded(np.hypot(x, y) ** 2 - 0.5),
    "jumps_on_axes": lambda x, y: ((x >= 0.13) & (y >= -0.37)).astype(float),
    "jumps_on_axes_smooth": lambda x, y: smooth_step(x - 0.13) * smooth_step(y + 0.37),
    "jump_on_line": lambda x, y: (2 * x + y >= 0.2).astype(float),
    "jump_on_line_smooth": lambda x, y: smooth_step(x + y / 2 - 0.1),
    "jump_on_circle": lambda x, y: (np.hypot(x, y) <= np.sqrt(0.5)).astype(float),
    "jump_on_circle_smooth": lambda x, y: smooth_step(0.5 - np.hypot(x, y) ** 2),
    "jumping_waves": lambda x, y: waves_with_jump(x) * waves_with_jump(y),
    "jumping_waves_smooth": lambda x, y: waves_with_slope(x) * waves_with_slope(y),
}


def sines(highest, amplitude=lambda k: 1.0):
    """Sum of sines of k = 5, 10, .., with the phases 1, 4, 9, .."""
    terms = [(amplitude(5 * i), 5 * i, i * i) for i in range(1, highest // 5 + 1)]
    return lambda x: sum(a * np.exp(1j * (2 * PI * k * x + phase)).imag for a, k, phase in terms)


def chirp(f1, method="linear"):
    return lambda x: signal.chirp(x, 1, 1, f1, method, phi=-90)


def turns(*periods):
    """Sine of whole turns along the given direction, in periods per unit of each input."""
    return lambda *x: np.sin(2 * PI * np.tensordot(periods, x, axes=1))


FREQUENCY = {
    **{f"sines_{highest}": sines(highest) for highest in (5, 10, 20, 30, 40, 50)},
    "sines_50_rising": sines(50, lambda k: k / 50),
    "sine_4": turns(2),
    "sine_40": turns(20),
    "sine_400": turns(200),
    "chirp_slow": chirp(5),
    "chirp_linear": chirp(25),
    "chirp_logarithmic": chirp(25, "logarithmic"),
    "plane_wave_2d_slow": turns(1 / 2, 1 / 4),
    "plane_wave_2d": turns(2, 1),
    "sum_of_waves_2d": lambda x, y: turns(5)(x) + turns(5)(y + 1 / (10 * PI)),
    "product_of_waves_2d": lambda x, y: (np.cos(4 * PI * (x - y)) - np.cos(4 * PI * (x + y))) / 2,
    "rings_slow": lambda x, y: np.cos(5 * np.hypot(x, y) ** 2),
    "rings": lambda x, y: np.cos(20 * np.hypot(x, y) ** 2),
    "composed_wave": lambda x, y: np.cos(10 * np.sin(PI * x) + 10 * y * y),
    "plane_wave_3d_slow": turns(1 / 2, 1 / 4, 1 / 8),
    "plane_wave_3d": turns(3 / 2, 3 / 4, 3 / 8),
    "sum_of_waves_3d": lambda x, y, z: turns(3)(x) + np.sin(8 * PI * y + 1) + np.sin(10 * PI * z + 4),
    "product_of_waves_3d": lambda x, y, z: turns(1)(x) * turns(1)(y) * turns(1)(z),
    "shells": lambda x, y, z: np.cos(10 * np.linalg.norm([x, y, z], axis=0) ** 2),
}
BY_HAND = {("irregular", name): each for name, each in IRREGULAR.items()} | {
    ("frequency", name): each for name, each in FREQUENCY.items()
}


@pytest.mark.parametrize(("suite", "by_hand"), [("irregular", IRREGULAR), ("frequency", FREQUENCY)])
def test_names_and_their_order_are_stable(suite, by_hand):
    assert [task.name for task in load_suite(suite).tasks] == list(by_hand)


@pytest.mark.parametrize(("suite", "name"), BY_HAND, ids=map("-".join, BY_HAND))
def test_formula_is_the_function_written_by_hand(suite, name):
    task = load_suite(suite).task(name)
    unit = np.random.default_rng(0).uniform(-1.0, 1.0, (1_000, task.n_inputs))
    expected = BY_HAND[suite, name](*to_ranges(task, unit).T)
    np.testing.assert_allclose(task.target(unit), expected, rtol=1e-10, atol=1e-11 * np.abs(expected).max())


def test_every_irregular_task_is_followed_by_its_smooth_twin():
    tasks = load_suite("irregular").tasks
    for task, twin in zip(tasks[::2], tasks[1::2], strict=True):
        assert (twin.name, task.smooth, twin.smooth) == (f"{task.name}_smooth", False, True)
        assert twin.n_inputs == task.n_inputs


def steepest(task, points):
    """The largest second difference quotient of the standardized target on a line through the middle of the ranges."""
    along = np.linspace(-1.0, 1.0, points)
    unit = np.stack([along * slope for slope in (1.0, 0.83)[: task.n_inputs]], axis=1)
    y = task.target(unit)
    return np.abs(np.diff(y, 2)).max() / y.std() * (points - 1) ** 2


@pytest.mark.parametrize("task", load_suite("irregular").tasks[1::2], ids=lambda task: task.name)
def test_a_smooth_twin_has_a_second_derivative(task):
    coarse, fine = steepest(task, 4_001), steepest(task, 16_001)
    assert fine == pytest.approx(coarse, rel=0.05)


IRREGULAR_TASKS = load_suite("irregular").tasks[::2]
KINKS_AND_JUMPS = [task for task in IRREGULAR_TASKS if not task.name.startswith(("pole", "cosine"))]


@pytest.mark.parametrize("task", KINKS_AND_JUMPS, ids=lambda task: task.name)
def test_the_second_derivative_of_a_kink_or_a_jump_grows_with_the_grid(task):
    assert steepest(task, 16_001) > 1.9 * steepest(task, 4_001)


def test_the_frequencies_of_the_sums_of_sines_are_5_to_50():
    task = load_suite("frequency").task("sines_50")
    x = np.arange(1_000) / 1_000
    spectrum = np.abs(np.fft.rfft(task.target(2 * x[:, None] - 1))) / 500
    assert np.flatnonzero(spectrum > 1e-9).tolist() == list(range(5, 55, 5))
    np.testing.assert_allclose(spectrum[5:55:5], 1.0, rtol=1e-9)
