"""How many threads a fit takes, and that the caller's are as before."""

import numpy as np
import pytest
import torch

from kanbench import KANRegressor
from kanbench.estimators import base
from kanbench.estimators.threads import FEWEST_FOR_TWO, threads_for


@pytest.fixture
def three_threads():
    before = torch.get_num_threads()
    torch.set_num_threads(3)
    yield
    torch.set_num_threads(before)


@pytest.mark.usefixtures("three_threads")
def test_a_fit_of_few_rows_takes_one_thread(monkeypatch):
    seen = []
    train = base.train_restarts
    monkeypatch.setattr(
        base, "train_restarts", lambda *given, **named: seen.append(torch.get_num_threads()) or train(*given, **named)
    )
    x = np.linspace(-1, 1, 40)[:, None]
    KANRegressor(random_state=0, max_iter=2).fit(x, x[:, 0] ** 2)
    assert seen == [1]
    assert torch.get_num_threads() == 3


@pytest.mark.usefixtures("three_threads")
def test_a_large_problem_keeps_the_threads_and_a_failed_one_gives_them_back():
    with threads_for(FEWEST_FOR_TWO):
        assert torch.get_num_threads() == 3
    with pytest.raises(ZeroDivisionError), threads_for(100):
        raise ZeroDivisionError
    assert torch.get_num_threads() == 3
