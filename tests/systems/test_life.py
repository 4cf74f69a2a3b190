"""From a task to a formula: units, truths, and one whole life."""

import numpy as np
import pytest
import torch

from kanbench.data import FormulaTask, SplitSizes, Variable, load_suite, sample
from kanbench.interpret import LIBRARY, Fit, SymbolicLayer, evaluate
from kanbench.systems import Formulas, HelloKAN
from kanbench.systems.hello_kan import findings
from kanbench.systems.life import Upbringing, formula_of, n_edges, names_of, truth_of

FEYNMAN = load_suite("feynman").tasks


@pytest.mark.parametrize("task", FEYNMAN, ids=lambda task: task.name)
def test_the_truth_of_a_task_is_its_target(task):
    unit = np.random.default_rng(0).uniform(-1.0, 1.0, (50, task.n_inputs))
    low, high = np.array([(v.low, v.high) for v in task.variables]).T
    values = evaluate(truth_of(task), names_of(task), low + (high - low) * (unit + 1.0) / 2.0)
    np.testing.assert_allclose(values, task.target(unit), rtol=1e-12, atol=1e-14)


def test_a_formula_is_in_the_units_of_the_task():
    task = load_suite("feynman").task("I.27.6")  # a and b in [0.5, 2]
    data = sample(task, 0, SplitSizes(50, 10, 100))
    fits = {
        (0, 0): Fit(LIBRARY["exp"], 0.3, -0.1, 2.0, 0.4, 1.0),
        (1, 0): Fit(LIBRARY["sin"], 1.1, 0.2, -0.7, 0.0, 1.0),
    }
    network = torch.nn.Sequential(SymbolicLayer(2, 1, fits, dtype=torch.float64))
    x = data.test.x
    expected = data.restore(network(torch.from_numpy(x)).squeeze(1).detach().numpy())
    points = 0.5 + 1.5 * (x + 1.0) / 2.0
    np.testing.assert_allclose(evaluate(formula_of(network, task, data), ["a", "b"], points), expected, rtol=1e-12)


def test_a_life_goes_from_data_to_the_formula():
    task = load_suite("founding").task("hello_kan")
    upbringing = Upbringing(width=2, sparse_steps=40, steps=40)
    life = upbringing.live(task, 0, SplitSizes(300, 10, 1000))
    stages = life.stages
    assert list(stages) == ["born", "trained", "pruned", "refined", "named"]
    assert torch.equal(stages["born"][0].coefficients, upbringing.born(task, 0)[0].coefficients)
    assert life.pruned_shape == [2, 1, 1]
    assert [n_edges(stages[name]) for name in stages] == [6, 6, 3, 3, 3]
    assert life.sameness.algebraic
    assert life.sameness.numeric
    assert life.test_rmse() < 1e-9
    assert life.test_r2 == pytest.approx(1.0, abs=1e-12)
    found = findings([life])
    assert found.hold
    assert found.numbers["lives"][0]["expression"] == "exp(y**2 + sin(pi*x))"
    assert list(found.figures) == ["1_born", "2_trained", "3_pruned", "4_refined", "5_named"]


def test_settings_that_cannot_be_are_refused():
    with pytest.raises(ValueError, match="refined_intervals must not be fewer than intervals = 5, got 4"):
        Upbringing(intervals=5, refined_intervals=4)
    for name in ("width", "intervals", "rounds", "sparse_steps", "steps", "constant_steps"):
        with pytest.raises(ValueError, match=f"{name} must be at least 1, got 0"):
            Upbringing(**{name: 0})
    with pytest.raises(ValueError, match="sparsity must not be negative, got -1"):
        Upbringing(sparsity=-1.0)
    with pytest.raises(ValueError, match="width must be at least 1, got 0"):
        HelloKAN(width=0)
    with pytest.raises(ValueError, match="train must be at least 2, got 1"):
        HelloKAN(train=1)
    with pytest.raises(ValueError, match=r"suite must be one of classic, .*, got 'fenman'"):
        Formulas(suite="fenman")


def test_formulas_that_sympy_cannot_read_are_said():
    with pytest.raises(ValueError, match=r"task jv: sympy cannot read it \(.*: unknown function 'jv'; known: "):
        truth_of(load_suite("special").task("jv"))
    with pytest.raises(ValueError, match="task hundred_dimensions must have no vectors, got "):
        truth_of(load_suite("toy").task("hundred_dimensions"))


def test_the_formula_of_a_task_is_never_executed(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    evil = FormulaTask("evil", "x", (Variable("x", 0.0, 1.0),))
    object.__setattr__(evil, "formula", "__import__('os').system('id > proof')")  # past the checks of a task
    with pytest.raises(ValueError, match=r"task evil: sympy cannot read it \(formula .* is not allowed"):
        truth_of(evil)
    row = Formulas().row(evil, 0)
    assert "is not allowed" in row["reason"]
    assert not row["algebraic"]
    assert list(tmp_path.iterdir()) == []


def test_the_sinc_of_a_task_is_that_of_numpy():
    task = FormulaTask("sinc", "sinc(x)", (Variable("x", -3.0, 3.0),))
    unit = np.linspace(-1.0, 1.0, 41)[:, None]
    np.testing.assert_allclose(evaluate(truth_of(task), ["x"], 3.0 * unit), np.sinc(3.0 * unit[:, 0]), atol=1e-15)
