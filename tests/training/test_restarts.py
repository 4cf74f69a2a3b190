import pytest
import torch

from kanbench import KAN, MLP
from kanbench.bases import Chebyshev
from kanbench.training import LBFGS, Adam, LevenbergMarquardt, Loss, train
from kanbench.training.restarts import train_restarts

GENERATOR = torch.Generator().manual_seed(0)
X = 2.0 * torch.rand(80, 2, generator=GENERATOR, dtype=torch.float64) - 1.0
Y = (3.0 * X[:, 0]).sin() * X[:, 1]
NOISY = Y + 0.3 * torch.randn(80, generator=GENERATOR, dtype=torch.float64)
ROWS, HELD_OUT = (X[:60], NOISY[:60]), (X[60:], NOISY[60:])


def starts(n, kind=KAN):
    return [kind([2, 4, 1], generator=torch.Generator().manual_seed(seed), dtype=torch.float64) for seed in range(n)]


def error(model, x, y):
    with torch.no_grad():
        return (model(x).squeeze(1) - y).square().mean().item()


@pytest.mark.parametrize("optimizer", [LevenbergMarquardt(steps=20), LBFGS(steps=30), Adam(steps=30)])
def test_the_best_is_that_of_each_start_alone(optimizer):
    alone = [train_restarts([model], ROWS, optimizer, validation=HELD_OUT, patience=99) for model in starts(3)]
    best = min(alone, key=lambda each: each.loss)
    together = train_restarts(starts(3), ROWS, optimizer, validation=HELD_OUT, patience=99)
    assert together.loss == pytest.approx(best.loss, rel=1e-6)
    assert together.steps == best.steps
    assert together.loss == pytest.approx(error(together.model, *HELD_OUT), rel=1e-9)


def test_no_step_of_a_training_has_a_lower_loss_on_the_held_out_rows():
    found = train_restarts(starts(1), ROWS, LevenbergMarquardt(steps=20), validation=HELD_OUT, patience=99)
    losses = []
    for steps in range(1, 21):
        (model,) = starts(1)
        train(model, *ROWS, LevenbergMarquardt(steps=steps))
        losses.append(error(model, *HELD_OUT))
    assert found.loss == pytest.approx(min(losses), rel=1e-6)
    assert losses[found.steps - 1] == min(losses)


def test_without_held_out_rows_the_loss_of_the_training_counts():
    found = train_restarts(starts(2), ROWS, LevenbergMarquardt(steps=20))
    assert found.loss == pytest.approx(error(found.model, *ROWS), rel=1e-9)


def test_patience_ends_a_training_that_gets_worse():
    seen = []

    class Counted(Loss):
        pass

    def mean_square(predictions, y):
        seen.append(1)
        return Loss.mse.of(predictions, y)

    counted = Counted("counted", mean_square, is_squares=True)
    train_restarts(starts(1), ROWS, LevenbergMarquardt(steps=80), loss=counted, validation=HELD_OUT, patience=3)
    assert len(seen) < 40


def test_the_starts_stay_as_they_are():
    models = starts(2, MLP)
    before = [parameter.clone() for model in models for parameter in model.parameters()]
    train_restarts(models, ROWS, LBFGS(steps=5))
    for old, new in zip(before, (p for model in models for p in model.parameters()), strict=True):
        torch.testing.assert_close(old, new, rtol=0, atol=0)


def test_a_start_that_leaves_the_finite_numbers_is_never_chosen():
    first, second = starts(2)
    with torch.no_grad():
        first[0].coefficients.fill_(torch.nan)
    found = train_restarts([first, second], ROWS, Adam(steps=20, rates=(1e-2,)))
    assert all(parameter.isfinite().all() for parameter in found.model.parameters())
    with pytest.raises(ValueError, match="training never had a finite loss"):
        train_restarts([first], ROWS, Adam(steps=20))


def test_classes_and_several_outputs_are_trained():
    classes = (Y > 0).long()
    logits = KAN([2, 3, 2], Chebyshev(degree=3), generator=GENERATOR, dtype=torch.float64)
    found = train_restarts([logits], (X, classes), LBFGS(steps=60), loss=Loss.cross_entropy)
    expected = torch.nn.functional.cross_entropy(found.model(X), classes)
    assert found.loss == pytest.approx(expected.item())
    assert found.loss < 0.1
    both = torch.stack([Y, X[:, 0] ** 2], dim=1)
    model = KAN([2, 4, 2], generator=GENERATOR, dtype=torch.float64)
    found = train_restarts([model], (X, both), LevenbergMarquardt(steps=80))
    assert found.loss == pytest.approx((found.model(X) - both).square().mean().item(), rel=1e-9)
    assert found.loss < 1e-4
