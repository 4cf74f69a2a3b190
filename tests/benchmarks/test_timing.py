"""What the benchmarks measure with, on work whose cost is known."""

import pytest
import torch
from rich.console import Console

from benchmarks import timing
from benchmarks.measurement import Settings, at_least, at_most
from benchmarks.timing import Stopwatch, Timings, interleave, peak_bytes

CPU = torch.device("cpu")


def settings(tmp_path):
    return Settings(CPU, True, None, 1, "*", tmp_path / "partial.jsonl", Console(quiet=True))


def test_ratios_are_taken_within_rounds():
    """A machine that slows down tenfold half-way: the ratio of 2 in each round stays 2; that of medians is 11."""
    timings = Timings({"a": [2.0, 2.0, 20.0, 20.0], "b": [1.0, 1.0, 10.0, 10.0]})
    assert timings.ratio("a", "b") == 2.0
    assert timings.ratio("b", "a") == 0.5
    assert timings.median("a") == 11.0


class FakeClock:
    """Seconds pass only when somebody works."""

    def __init__(self, monkeypatch):
        self.now = 0.0
        monkeypatch.setattr(timing, "clock", lambda device: self.now)

    def work(self, seconds):
        self.now += seconds


@pytest.mark.parametrize("seconds", [1e-4, 0.5])
def test_interleaved_work_is_timed_per_call(tmp_path, monkeypatch, seconds):
    """Whether a sample repeats it two hundred times or holds it once."""
    clock = FakeClock(monkeypatch)
    work = {"short": lambda: clock.work(seconds), "long": lambda: clock.work(3.0 * seconds)}
    timings = interleave(work, settings(tmp_path))
    assert timings.median("short") == pytest.approx(seconds)
    assert timings.ratio("long", "short") == pytest.approx(3.0)


def test_a_stopped_watch_does_not_run(monkeypatch):
    clock = FakeClock(monkeypatch)
    watch = Stopwatch(CPU)
    for seconds in (1.0, 2.0):
        watch.start()
        clock.work(seconds)
        watch.stop()
        clock.work(10.0)
    assert watch.seconds == 3.0


def test_peak_of_tensors_that_do_not_all_live_at_once():
    """1 MB + 2 MB live together, then the 2 MB are released before 1.5 MB are taken: the peak is 3 MB."""

    def allocate():
        one = torch.empty(1_000_000, dtype=torch.uint8)
        two = torch.empty(2_000_000, dtype=torch.uint8)
        del two
        return one, torch.empty(1_500_000, dtype=torch.uint8)

    assert peak_bytes(allocate, CPU) == pytest.approx(3_000_000, abs=1_000)


def test_peak_of_a_matrix_product_and_its_gradient():
    """Forward holds the product and its loss; backward adds the gradients of product and both factors."""
    a, b = torch.randn(200, 300, requires_grad=True), torch.randn(300, 400, requires_grad=True)
    product, by_a, by_b = 4 * 200 * 400, 4 * 200 * 300, 4 * 300 * 400
    peak = peak_bytes(lambda: (a @ b).square().sum().backward(), CPU)
    assert by_a + by_b + product <= peak <= by_a + by_b + 4 * product


def test_a_call_that_releases_what_an_earlier_one_left():
    """As gradients are: their bytes come back at the same addresses, and the profiler takes them for its own."""
    held = []

    def replace():
        held.clear()
        held.append(torch.empty(40_000_000, dtype=torch.uint8))

    for _ in range(3):
        replace()
        assert peak_bytes(replace, CPU) == 40_000_000


@pytest.mark.parametrize(("value", "reached"), [(0.4, True), (0.5, True), (0.51, False)])
def test_a_goal_is_judged_by_its_worst_value(value, reached):
    goal = at_most("ratio", 0.5, {"good": 0.1, "worst": value})
    assert goal.reached is reached
    assert goal.measured == f"{value} (worst); {1 + reached} of 2 are"


def test_nothing_measured_is_no_verdict():
    assert at_most("ratio", 0.5, {}).reached is None
    assert at_least("ratio", 0.5, None).reached is None
    assert at_least("ratio", 25, 25).reached is True
