"""Words that people from pykan, Lightning and scikit-learn type, each with the words that mean it here."""

from typing import NamedTuple


class Hint(NamedTuple):
    """words: what to say instead, `{}` standing for the value, or "".   reason: one clause that is true by itself."""

    words: str
    reason: str


STEPS = Hint("optimizer.steps={}", "a training is counted in steps of the optimizer")
RATES = Hint(
    "optimizer=adam optimizer.rates=[{}]", "all rates of a list are tried, by adam and sgd; lm and lbfgs have none"
)
BATCH = Hint("optimizer=adam optimizer.batch={}", "adam and sgd take batches, lm and lbfgs all rows")
GRID = Hint("basis.intervals={}", "the grid of a B-spline is counted in intervals")
DEGREE = Hint("basis.degree={}", "the order k of pykan's splines is their degree")
WIDTH = Hint("budget.targets=[100]", "the budget of parameters gives the width, or model.hidden=[4,2] says it")
DEPTH = Hint("model.depth={}", "hidden layers are counted by the depth")
SEED = Hint("first_seed={}", "seeds=5 trains five members from there on")
SEEDS = Hint("seeds={}", "every seed draws data and a start of its own")
DEVICES = Hint("trainer.devices={}", "a process trains on each GPU, 0 takes all")
WORKERS = Hint("trainer.workers={}", "processes train side by side, 0 takes one for each core")
TASKS = Hint("data.tasks=[{}]", "tasks are a list of names or patterns")
TRAIN = Hint("data.train={}", "every split has its number of rows")
TEST = Hint("data.test={}", "every split has its number of rows")
OPTIMIZER = Hint("optimizer={}", "the optimizer is a group: adam, lbfgs, lm or sgd")
RESULTS = Hint("results={}", "records and reports go below one folder")
BUDGET = Hint("budget.targets=[{}]", "methods are compared at budgets of parameters")
PENALTY = Hint("", "runs have no penalty; kanbench.training.train has one for a module")
LOSS = Hint("", "the kind of a task gives its loss, squared residuals or cross-entropy, and its scores")
RESUME = Hint("", "the same words again go on with a run that was stopped")
TABLE = Hint("data=table data.path={} data.target=y", "a table is a file and the column to predict")
FORMULA = Hint("data=formula 'data.formula={}' 'data.variables={{x: [-1, 1]}}'", "a formula has variables with ranges")

HINTS = {
    **dict.fromkeys(
        ("epochs", "max_epochs", "n_epochs", "num_epochs", "steps", "max_steps", "max_iter", "iterations",
         "trainer.max_epochs", "trainer.max_steps", "trainer.epochs", "optimizer.max_iter", "optimizer.epochs"), STEPS,
    ),
    **dict.fromkeys(
        ("lr", "learning_rate", "learning_rate_init", "rate", "optimizer.lr", "optimizer.learning_rate", "model.lr"),
        RATES,
    ),
    **dict.fromkeys(("batch", "batch_size", "data.batch_size", "optimizer.batch_size", "trainer.batch_size"), BATCH),
    **dict.fromkeys(("grid", "grid_size", "basis.grid", "basis.grid_size", "basis.num", "model.grid"), GRID),
    **dict.fromkeys(("k", "spline_order", "basis.k", "basis.spline_order", "model.k"), DEGREE),
    **dict.fromkeys(
        ("width", "hidden", "hidden_dim", "hidden_size", "hidden_layer_sizes", "layers_hidden", "model.width",
         "model.hidden_dim", "model.hidden_layer_sizes", "baseline.width"), WIDTH,
    ),
    **dict.fromkeys(("depth", "n_layers", "num_layers", "model.layers", "model.num_layers"), DEPTH),
    **dict.fromkeys(("seed", "random_state", "seed_everything", "data.seed", "model.seed"), SEED),
    **dict.fromkeys(("n_seeds", "num_seeds", "n_runs", "repeats", "cv", "n_splits"), SEEDS),
    **dict.fromkeys(("gpus", "devices", "trainer.gpus"), DEVICES),
    **dict.fromkeys(("workers", "num_workers", "n_jobs", "data.num_workers"), WORKERS),
    **dict.fromkeys(("task", "tasks", "equation", "data.task"), TASKS),
    **dict.fromkeys(("n_samples", "train_num", "train_size", "data.n_samples", "data.train_num"), TRAIN),
    **dict.fromkeys(("test_num", "test_size", "data.test_num", "data.test_size"), TEST),
    **dict.fromkeys(("opt", "optim", "solver"), OPTIMIZER),
    **dict.fromkeys(("output", "out", "output_dir", "save_dir", "log_dir", "default_root_dir"), RESULTS),
    **dict.fromkeys(("params", "n_params", "parameters", "budgets", "budget.params"), BUDGET),
    **dict.fromkeys(
        ("lamb", "lamb_l1", "lamb_entropy", "alpha", "weight_decay", "sparsity", "optimizer.weight_decay"), PENALTY
    ),
    **dict.fromkeys(("loss", "loss_fn", "criterion", "metric", "metrics", "scoring", "optimizer.loss"), LOSS),
    **dict.fromkeys(("resume", "ckpt_path", "checkpoint", "trainer.resume", "warm_start"), RESUME),
    **dict.fromkeys(("csv", "file", "path", "table"), TABLE),
    "formula": FORMULA,
    "target": Hint("data=table data.path=my.csv data.target={}", "a table is a file and the column to predict"),
    "device": Hint("trainer.accelerator={}", "a run trains on cpu or cuda, auto takes what there is"),
    "accelerator": Hint("trainer.accelerator={}", "a run trains on cpu or cuda, auto takes what there is"),
    "precision": Hint("trainer.precision={}", "numbers are single or double"),
    "dtype": Hint("trainer.precision={}", "numbers are single or double"),
    "dataset": Hint("data={}", "a suite of tasks is an option of data"),
    "suite": Hint("data={}", "a suite of tasks is an option of data"),
    "noise": Hint("data.noise={}", "noise is on training targets, in their standard deviations"),
    "noise_scale": Hint("model.gain={}", "the start of a KAN is scaled by its gain"),
    "activation": Hint("baseline.activation={}", "edges of a KAN have a basis, and MLPs an activation"),
    "base_fun": Hint("model.base_branch={}", "a KAN has a base branch: none, linear or silu"),
    "grid_update_num": Hint("basis.intervals=5 model.stages=[3,5]", "the grid grows in stages, up to basis.intervals"),
    "patience": STEPS,
    "model.basis": Hint("basis={}", "it is that of all KANs but a baseline with a baseline.basis"),
    "model.aggregation": Hint("aggregation={}", "it is that of all KANs but a baseline with a baseline.aggregation"),
    "run": Hint("experiment=smoke", "the words of a run stand alone after python -m kanbench"),
    "train": Hint("experiment=smoke", "the words of a run stand alone after python -m kanbench"),
    "fit": Hint("experiment=smoke", "the words of a run stand alone after python -m kanbench"),
}  # fmt: skip


def hint_for(word: str) -> str:
    """One sentence for a word that is known from elsewhere, "" for any other; dashes and `+` before it are skipped."""
    key, _, value = word.lstrip("+-").partition("=")
    if key not in HINTS:
        return ""
    words, reason = HINTS[key]
    return f"{word}: say {words.format(value.strip('[]') or '...')}; {reason}" if words else f"{word}: {reason}"
