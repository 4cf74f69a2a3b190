"""Classification against torch, scikit-learn and predictions that are graded by hand."""

import dataclasses
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from scipy.optimize import minimize
from torch.nn import functional

from kanbench.bases import BSpline
from kanbench.cells import Cell, Execution, Precision, run_cell
from kanbench.data import Classification, FormulaTask, Shares, SplitSizes, Variable, read_table, sample
from kanbench.methods import REFERENCES, KANMethod, MLPMethod, solve_nodes
from kanbench.training import LBFGS, SGD, Adam, Ensemble, LevenbergMarquardt, Loss, Schedule

METHODS = [
    KANMethod(1, basis=BSpline(intervals=5)),
    KANMethod(depth=2, basis=BSpline(intervals=3)),
    MLPMethod(depth=1),
    MLPMethod(fourier=3, depth=2),
]
EVERY = pytest.mark.parametrize("method", METHODS, ids=lambda m: m.label)


@dataclass(frozen=True)
class Rings(FormulaTask):
    """Which of three rings a point is in: inside the radius 0.5, outside 0.9, or between."""

    @property
    def grading(self):
        return Classification(3)

    def target(self, unit):
        radius = np.hypot(unit[:, 0], unit[:, 1])
        return (radius > 0.5).astype(float) + (radius > 0.9)


RINGS = Rings("rings", "a+b", (Variable("a", -1.0, 1.0), Variable("b", -1.0, 1.0)))
CELL = Cell(
    experiment="test",
    suite="test",
    task=RINGS,
    method=MLPMethod(depth=1),
    budget=80,
    seeds=(0, 1),
    optimizer=Adam(steps=150, check_every=50, rates=(0.03,), doublings=1),
    sizes=SplitSizes(150, 150, 300),
    precision=Precision.double,
)


def change(**fields):
    return dataclasses.replace(CELL, **fields)


def problem(method, members=3, n=40, n_classes=4):
    models = [
        method.build(2, 3, torch.Generator().manual_seed(seed), torch.float64, n_classes) for seed in range(members)
    ]
    generator = torch.Generator().manual_seed(5)
    x = torch.rand(members, n, 2, generator=generator, dtype=torch.float64) * 2 - 1
    y = torch.randint(n_classes, (members, n), generator=generator)
    return models, x, y


@EVERY
def test_losses_and_gradients_of_members_are_those_of_torch(method):
    models, x, y = problem(method)
    ensemble = Ensemble(models, Loss.cross_entropy)
    assert ensemble.predict(ensemble.start, x).shape == (3, 40, 4)
    losses, gradients = (f(ensemble.start, x, y.double()) for f in (ensemble.losses, ensemble.gradients))
    for m, model in enumerate(models):
        loss = functional.cross_entropy(model(x[m]), y[m])
        by_hand = torch.nn.utils.parameters_to_vector(torch.autograd.grad(loss, list(model.parameters())))
        torch.testing.assert_close(losses[m], loss.detach(), rtol=1e-12, atol=0.0)
        torch.testing.assert_close(gradients[m], by_hand, rtol=1e-9, atol=1e-12)


@EVERY
def test_adam_on_cross_entropy_is_torch_s(method):
    models, x, y = problem(method)
    ensemble = Ensemble(models, Loss.cross_entropy)
    adam = Adam(steps=30, rates=(0.01,), schedule=Schedule.constant)
    state = adam.start(ensemble, ensemble.start, torch.full((3,), 0.01, dtype=torch.float64), [])
    adam.advance(ensemble, state, x, y.double(), 30)
    for m, model in enumerate(models):
        theirs = torch.optim.Adam(model.parameters(), lr=0.01)
        for _ in range(30):
            theirs.zero_grad()
            functional.cross_entropy(model(x[m]), y[m]).backward()
            theirs.step()
        expected = torch.nn.utils.parameters_to_vector(model.parameters()).detach()
        torch.testing.assert_close(state.theta[m], expected, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "optimizer", [Adam(steps=40, rates=(0.02,), batch=16), SGD(steps=40, rates=(0.1,), batch=16), LBFGS(steps=6)]
)
def test_a_member_reaches_alone_what_it_reaches_in_company(optimizer):
    models, x, y = problem(KANMethod(1, basis=BSpline(intervals=5)))

    def train(which):
        ensemble = Ensemble([models[m] for m in which], Loss.cross_entropy)
        orders = [torch.Generator().manual_seed(m) for m in which]
        rates = torch.full((len(which),), optimizer.trials[0] or 0.0, dtype=torch.float64)
        state = optimizer.start(ensemble, ensemble.start, rates, orders)
        before = ensemble.losses(state.theta, x[which], y[which].double())
        optimizer.advance(ensemble, state, x[which], y[which].double(), optimizer.steps)
        assert (ensemble.losses(state.theta, x[which], y[which].double()) < before).all()
        return state.theta

    together = train([0, 1, 2])
    for m in range(3):
        torch.testing.assert_close(train([m])[0], together[m], rtol=1e-8, atol=1e-8)


def test_levenberg_marquardt_refuses_a_cross_entropy():
    ensemble = Ensemble(problem(MLPMethod(depth=1))[0], Loss.cross_entropy)
    with pytest.raises(ValueError, match="loss must be the mean squared error, got 'cross_entropy'"):
        LevenbergMarquardt().start(ensemble, ensemble.start, torch.zeros(3), [])


@pytest.mark.parametrize("width", [1, 4, 30])
def test_counts_with_an_output_per_class(width):
    assert MLPMethod(depth=1).count(2, width, 3) == (2 + 1) * width + (width + 1) * 3
    assert KANMethod(1, basis=BSpline(intervals=5)).count(2, width, 3) == 8 * (2 * width + 3 * width) + width + 3
    for method in METHODS:
        nodes = method.depth * width
        model = method.build(2, nodes, torch.Generator(), torch.float64, 3)
        assert method.count(2, nodes, 3) == sum(parameter.numel() for parameter in model.parameters())
    assert solve_nodes(MLPMethod(depth=1), 2, MLPMethod(depth=1).count(2, width, 3), 3).width == width


def test_a_cell_learns_the_rings_and_the_metrics_are_of_its_predictions():
    record = run_cell(CELL)
    assert {m["status"] for m in record.members} == {"ok"}
    for member in record.members:
        assert member["test_accuracy"] > 0.7  # the largest class has 0.44
        assert 0.0 < member["test_rel_cross_entropy"] < 0.7
        assert "test_rel_l2" not in member
    assert record.members[0]["params"] == MLPMethod(depth=1).count(2, record.members[0]["width"], 3)
    best = [min(check[m] for check in record.curve["validation_cross_entropy"]) for m in range(2)]
    np.testing.assert_allclose(best, [m["val_cross_entropy"] for m in record.members], rtol=1e-10)
    alone = run_cell(change(seeds=(1,))).members[0]
    assert alone["test_cross_entropy"] == pytest.approx(record.members[1]["test_cross_entropy"], rel=1e-8)


def test_stages_and_statistics_go_with_classes():
    staged = KANMethod(basis=BSpline(intervals=4), stages=(2, 4))
    record = run_cell(
        change(method=staged, budget=120, optimizer=LBFGS(steps=20, check_every=10)), Execution(statistics=True)
    )
    assert {m["status"] for m in record.members} == {"ok"}
    assert len(record.curve["layers"]["gradient_norm"]) == len(record.curve["validation_cross_entropy"]) == 2


def test_worse_than_the_class_prior_is_a_status():
    record = run_cell(change(optimizer=Adam(steps=1, check_every=1, rates=(50.0,))))
    assert {m["status"] for m in record.members} == {"diverged"}
    assert all(m["reason"].startswith("worse than the class prior: relative cross-ent") for m in record.members)


def test_the_class_prior_has_relative_cross_entropy_one_and_the_accuracy_of_the_largest_class():
    members = run_cell(change(method=REFERENCES["classification"][0], budget=0)).members
    dataset = sample(RINGS, 0, CELL.sizes)
    largest = np.bincount(dataset.train.y.astype(int)).argmax()
    assert members[0]["test_accuracy"] == np.mean(dataset.test.y == largest)
    assert [(m["test_rel_cross_entropy"], m["status"], m["params"]) for m in members] == [(1.0, "ok", 3)] * 2


@pytest.mark.parametrize("ridge", [1e-4, 1e-1])
def test_logistic_is_scikit_learn_s(ridge):
    linear_model = pytest.importorskip("sklearn.linear_model")
    dataset = sample(RINGS, 3, SplitSizes(200, 50, 50))
    x, labels = np.hstack([dataset.train.x, dataset.train.x**2]), dataset.train.y.astype(int)
    theirs = linear_model.LogisticRegression(C=1 / (2 * ridge * len(x)), tol=1e-12, max_iter=10_000).fit(x, labels)
    reference = dataclasses.replace(REFERENCES["classification"][1], ridges=(ridge,))
    ours = reference.fit(x, np.eye(3)[labels], x, np.eye(3)[labels]).predict(x)
    np.testing.assert_allclose(
        torch.softmax(torch.tensor(ours), dim=1).numpy(), theirs.predict_proba(x), rtol=1e-4, atol=1e-5
    )


def test_logistic_minimizes_the_penalized_cross_entropy_of_torch_and_validation_chooses_the_ridge():
    dataset = sample(RINGS, 0, SplitSizes(40, 300, 50))
    x, y = torch.tensor(dataset.train.x), torch.tensor(dataset.train.y)

    def loss(flat):
        weights = torch.tensor(flat.reshape(3, 3), requires_grad=True)
        value = functional.cross_entropy(x @ weights[:2] + weights[2], y.long()) + 0.01 * weights[:2].square().sum()
        (gradient,) = torch.autograd.grad(value, weights)
        return value.item(), gradient.numpy().ravel()

    best = minimize(loss, np.zeros(9), jac=True, method="BFGS", options={"gtol": 1e-9}).x.reshape(3, 3)
    targets = (np.eye(3)[split.y.astype(int)] for split in (dataset.train, dataset.validation))
    on_train, on_validation = targets
    one = dataclasses.replace(REFERENCES["classification"][1], ridges=(0.01,))
    logits = one.fit(dataset.train.x, on_train, dataset.validation.x, on_validation).predict(dataset.test.x)
    expected = dataset.test.x @ best[:2] + best[2]
    np.testing.assert_allclose(logits - logits[:, :1], expected - expected[:, :1], atol=1e-5)
    chosen = REFERENCES["classification"][1].fit(dataset.train.x, on_train, dataset.validation.x, on_validation)
    unknown = REFERENCES["classification"][1].fit(dataset.train.x, on_train, np.full((300, 2), np.nan), on_validation)
    assert unknown.predict(dataset.test.x).shape == (50, 3)  # logits, whatever validation says
    losses = {}
    for ridge in REFERENCES["classification"][1].ridges:
        fit = dataclasses.replace(one, ridges=(ridge,)).fit(dataset.train.x, on_train, dataset.train.x, on_train)
        outputs = torch.tensor(fit.predict(dataset.validation.x))
        losses[ridge] = functional.cross_entropy(outputs, torch.tensor(dataset.validation.y).long()).item()
    assert chosen.ridge == min(losses, key=losses.get)


def test_a_column_of_text_is_learned_and_its_classes_are_in_the_record(tmp_path):
    generator = np.random.default_rng(0)
    rows = [(a, b, "inside" if a * a + b * b < 0.5 else "outside") for a, b in generator.uniform(-1, 1, (200, 2))]
    (tmp_path / "disc.csv").write_text("a,b,where\n" + "".join(f"{a},{b},{where}\n" for a, b, where in rows))
    task = read_table(tmp_path / "disc.csv", "where")
    record = run_cell(change(task=task, suite="table", sizes=Shares(), optimizer=LBFGS(steps=40)))
    assert record.cell["task"]["classes"] == ["inside", "outside"]
    assert {m["status"] for m in record.members} == {"ok"}
    assert min(m["test_accuracy"] for m in record.members) > 0.9
