"""Every YAML composes and crosses the boundary; every mistake is one sentence with its place."""

from dataclasses import dataclass, fields
from pathlib import Path

import pytest
import torch
from hydra import compose, initialize_config_dir
from omegaconf import OmegaConf

from kanbench.bases import BASES, Basis
from kanbench.cells import Vary, run_cell
from kanbench.config.config import Config
from kanbench.config.read import read_config, read_system
from kanbench.config.typed import typed
from kanbench.data import Shares
from kanbench.errors import ConfigError
from kanbench.methods import METHODS, KANMethod, MLPMethod
from kanbench.models import Activation
from kanbench.run.job import job_of
from kanbench.systems import SYSTEMS
from kanbench.training import OPTIMIZERS, LevenbergMarquardt

CONF = Path(__file__).parents[2] / "conf"
EVERY_OPTION = sorted(
    f"{path.parent.name}={path.stem}" for path in CONF.glob("*/*.yaml") if path.parent.name != "hydra"
)


def composed(*overrides: str):
    with initialize_config_dir(str(CONF), version_base="1.3"):
        return compose("config", list(overrides))


def config(*overrides: str) -> Config:
    return read_config(composed(*overrides))


@pytest.mark.parametrize("option", EVERY_OPTION)
def test_every_yaml_composes_and_is_typed(option):
    if option == "model=none":
        with pytest.raises(ConfigError, match=f"model.name: must be {' or '.join(METHODS)}, got 'none'"):
            config(option)
    elif option == "model=own":
        with pytest.raises(ConfigError, match=r"model.target must be file.py:Name or package.module:Name, got ''"):
            config(option)
    elif option == "data=table":
        with pytest.raises(ConfigError, match=r"data.path: must name a .csv or .parquet file: data=table data.path="):
            config(option)
    elif option == "basis=own":
        with pytest.raises(ConfigError, match=r"^basis.target: must name your basis, as basis=own basis.target="):
            config(option)
    elif option == "data=formula":
        with pytest.raises(ConfigError, match=r"^data.formula: must be a formula: data=formula 'data.formula="):
            config(option)
    elif "system" in composed(option):
        assert type(read_system(composed(option))) in SYSTEMS.values()
    else:
        smallest = ["budget.targets=[100]"] if option == "data=sklearn" else []
        any_loss = ["optimizer=adam"] if option.startswith("data=") else []
        assert config(option, *smallest, *any_loss).cells()


@pytest.mark.parametrize("name", SYSTEMS)
def test_a_system_has_an_experiment_and_its_yaml_states_every_field_and_its_default(name):
    node = composed(f"experiment={name}")
    assert node.name == name
    assert set(node.system) == {"name"} | {f.name for f in fields(SYSTEMS[name])}
    assert read_system(node) == SYSTEMS[name]()


def test_the_main_job_is_27_equations_3_budgets_2_methods_5_seeds():
    main = config("experiment=feynman", "basis=bspline")
    assert len(main.cells()) == 27 * 3 * 2
    assert sum(len(cell.members) for cell in main.cells()) == 810
    assert main.methods == (KANMethod(), MLPMethod())


@pytest.mark.parametrize("name", BASES)
def test_a_yaml_of_a_basis_states_every_field_and_its_default(name):
    stated = OmegaConf.to_container(OmegaConf.load(CONF / "basis" / f"{name}.yaml"))
    assert stated == {"name": name} | {f.name: f.default for f in fields(BASES[name])}


@pytest.mark.parametrize("name", OPTIMIZERS)
def test_a_yaml_of_an_optimizer_states_every_field_and_its_default(name):
    stated = OmegaConf.load(CONF / "optimizer" / f"{name}.yaml")
    assert set(stated) == {"name"} | {f.name for f in fields(OPTIMIZERS[name])}
    assert typed(OPTIMIZERS[name], stated, "optimizer") == OPTIMIZERS[name]()


def test_a_basis_is_added_by_one_class_one_yaml_and_one_registry_line(monkeypatch):
    @dataclass(frozen=True)
    class Ramp(Basis):
        """max(0, x - shift), and x itself."""

        shift: float = 0.0

        @property
        def n_terms(self):
            return 2

        def expand(self, x):
            return torch.stack([x, (x - self.shift).clamp(min=0, max=1e6)], dim=-1)

    Ramp.__module__ = "kanbench.bases.ramp"
    monkeypatch.setitem(BASES, "ramp", Ramp)
    node = composed("seeds=2", "budget.targets=[20]", "data.tasks=[I.27.6]", "data.train=50", "optimizer.steps=5")
    node.basis = OmegaConf.create({"name": "ramp", "shift": 0.25})
    kan, _ = read_config(node).cells()
    assert kan.method.basis == Ramp(shift=0.25)
    assert kan.method.label == "KAN Ramp shift=0.25"
    record = run_cell(kan)
    assert [m["status"] for m in record.members] == ["ok", "ok"]
    assert {m["params"] for m in record.members} == {kan.method.count(2, kan.sizing.nodes)}


def test_switches_reach_the_methods():
    changed = config("basis.degree=2", "aggregation=mean", "model.depth=4", "baseline.activation=bspline")
    kan, mlp = changed.methods
    assert kan.label == "KAN BSpline degree=2 mean depth=4"
    assert mlp == MLPMethod(activation=Activation.bspline)


def test_a_crossed_sweep_never_trains_the_same_mlp_twice():
    cells = [
        cell
        for basis in ("bspline", "rbf")
        for aggregation in ("sum", "mean")
        for cell in config("experiment=feynman", f"basis={basis}", f"aggregation={aggregation}").cells()
    ]
    assert len(cells) == 4 * 162
    assert len({cell.key for cell in cells}) == 5 * 81
    assert len(config("model=mlp").methods) == 1


def test_references_are_three_cells_more_per_task_and_leave_the_others_alone():
    plain, beside = (config("experiment=smoke", f"references={word}").cells() for word in ("false", "true"))
    assert len(beside) == len(plain) + 3 * 2
    assert {cell.key for cell in plain} < {cell.key for cell in beside}
    assert {cell.protocol for cell in beside} == {plain[0].protocol}


@pytest.mark.parametrize(
    ("words", "label"),
    [(["baseline=kan"], "KAN BSpline"), (["model=mlp"], "MLP tanh"), (["basis=rbf", "baseline=kan"], "KAN RBF")],
)
def test_a_method_that_is_compared_with_itself_is_said(words, label):
    words = [word.replace("baseline=", "model@baseline=") for word in words]
    alone = config("experiment=smoke", *words)
    assert alone.remark.startswith(
        f"model and baseline are the same method, {label}: nothing is compared; baseline.basis="
    )
    assert config("experiment=smoke").remark == config("experiment=smoke", "model@baseline=none").remark == ""


def test_a_budget_that_is_listed_twice_is_trained_once_and_that_is_said():
    twice = config("experiment=smoke", "budget.targets=[40,60,40]")
    assert twice.budgets == (40, 60)
    (said,) = job_of(twice, [], Path()).remarks
    assert said == ("budget", "40 is listed more than once and trained once")
    assert job_of(config("experiment=smoke"), [], Path()).remarks == ()


def test_a_typed_optimizer_keeps_its_values():
    assert config("optimizer.steps=7", "optimizer.damping=0.5").optimizer == LevenbergMarquardt(steps=7, damping=0.5)
    assert config("optimizer=adam", "optimizer.rates=[0.1]").optimizer.rates == (0.1,)


@pytest.mark.parametrize(
    ("overrides", "sentence"),
    [
        (["basis.degree=x"], "basis.degree: expected an integer, got 'x'"),
        (["basis.degree=-1"], "basis.degree must be at least 1, got -1"),
        (["basis.low=3"], "basis.high must be greater than low = 3.0, got 1.0"),
        (["+basis.knots=3"], "basis: unknown key 'knots'"),
        (["model.base_branch=sillu"], "model.base_branch: expected one of none, linear, silu, got 'sillu'"),
        (
            ["baseline.activation=rel"],
            "baseline.activation: expected one of relu, silu, gelu, tanh, bspline, got 'rel'",
        ),
        (["baseline.depth=0"], "baseline.depth must be at least 1, got 0"),
        (
            ["budget.targets=[3]"],
            "budget.targets: 3 is too small for KAN BSpline on every task; its smallest model has ",
        ),
        (["budget.targets=[]"], "budget.targets: must be a list of positive integers up to 100,000,000, got []"),
        (["budget.targets=50"], "budget.targets: must be a list, got 50; say budget.targets=[50]"),
        (["data.tasks=I.6.2"], "data.tasks: must be a list, got 'I.6.2'; say data.tasks=[I.6.2]"),
        (["data.tasks=[I.6.20]"], "data.tasks: unknown task of suite feynman 'I.6.20'; did you mean I.6.2"),
        (["data.tasks=[]"], "data.tasks: must name at least one task"),
        (["data.suite=feyman"], "data.suite: unknown suite 'feyman'; did you mean feynman"),
        (["data.train=1"], "data: every split must have at least 2 rows"),
        (["data.train=many"], "data.train: expected an integer, got 'many'"),
        (["+seed=3"], "config: unknown key 'seed'; did you mean seeds"),
        (["+data.trian=50"], "data: unknown key 'trian'; did you mean train"),
        (["+budget.target=[9]"], "budget: unknown key 'target'; did you mean targets"),
        (["model.gain=nan"], "model.gain must be finite, got nan"),
        (["optimizer.damping=inf"], "optimizer.damping must be finite, got inf"),
        (["optimizer=adam", "optimizer.rates=[0.1,0.1]"], "optimizer.rates must be distinct"),
        (["optimizer=adam", "optimizer.rates=[x]"], "optimizer.rates: expected a list of numbers, got ['x']"),
        (["seeds=0"], "seeds: must be at least 1 and at most 10,000, got 0"),
        (["seeds=10000000"], "seeds: must be at least 1 and at most 10,000, got 10000000"),
        (["seeds=99999999999999999999"], "seeds: must be at least 1 and at most 10,000, got 99999999999999999999"),
        (["first_seed=-1"], "first_seed: must be at least 0 and at most 1,000,000,000,000, got -1"),
        (["first_seed=9223372036854775807"], "first_seed: must be at least 0 and at most 1,000,000,000,000"),
        (["optimizer.steps=99999999999999999999"], "optimizer.steps must be at most 10,000,000, got 9999"),
        (["optimizer.steps=10000001"], "optimizer.steps must be at most 10,000,000, got 10000001"),
        (["data.test=999999999999"], "data.test: must be at most 10,000,000 rows, got 999,999,999,999"),
        (["model.depth=1000000"], "model.depth must be at most 1,000, got 1000000"),
        (["baseline.fourier=99999999999999999999"], "baseline.fourier: must be at most 10,000,000 in size"),
        (["basis.intervals=99999999999999999999"], "basis.intervals: must be at most 10,000,000 in size"),
        (["basis.intervals=10000001", "model.stages=[3,10000001]"], "basis.intervals: must be at most 10,000,000"),
        (["shard=1/99999999999999999999"], "shard: must be i/n with 1 <= i <= n <= 10,000, as 3/8, got"),
        (["trainer.threads=100000"], "trainer.threads must be at most "),
        (["trainer.workers=100000"], "trainer.workers must be at most "),
        (["data.noise=1e308"], "data.noise: must be a number that is not negative, at most 1000, got 1e+308"),
        (["data.noise=2000"], "data.noise: must be a number that is not negative, at most 1000, got 2000.0"),
        (["data.extrapolation=1e308"], "data.extrapolation: must be a number that is not negative, at most 1000"),
        (["basis.low=0", "basis.high=5e-324"], "basis.high must exceed low = 0.0 by 1e-12 at least, got 5e-324"),
        (["basis.low=1", "basis.high=1.0000000000000002"], "basis.high must exceed low = 1.0 by 1e-06 at least"),
        (["basis.low=-1e308", "basis.high=1e308"], "basis.low: must be at most 1,000,000,000 in size, got -1e+308"),
        (["model.gain=1e308"], "model.gain must be from 1e-9 to 1000, got 1e+308"),
        (["model.gain=5e-324"], "model.gain must be from 1e-9 to 1000, got 5e-324"),
        (["model.gain=1e6"], "model.gain must be from 1e-9 to 1000, got 1000000.0"),
        (["baseline.fourier=4", "baseline.fourier_scale=1e7"], "baseline.fourier_scale must be at most 1e6"),
        (["optimizer=adam", "optimizer.rates=[0.1,1e300]"], "optimizer.rates: must be at most 1,000,000,000 in size"),
        (["optimizer.damping=1e308"], "optimizer.damping: must be at most 1,000,000,000 in size, got 1e+308"),
        (["references=some"], "references: expected true or false, got 'some'"),
        (["unknowns=[400]"], "unknowns: must be [], since solvers are for differential equations, got [400]"),
        (["data=pde", "unknowns=[0]"], "unknowns: must be a list of positive integers up to 100,000, got [0]"),
        (["data=pde", "unknowns=9"], "unknowns: must be a list of positive integers up to 100,000, got 9"),
        (["results="], "results: must name a folder, got ''"),
        (["seeds=three"], "seeds: expected an integer, got 'three'"),
        (["name=a/b"], "name: must be letters"),
        (["optimizer=adam", "optimizer.rates=[]"], "optimizer.rates must hold at least one learning rate"),
        (["optimizer=adam", "optimizer.rates=[-1]"], "optimizer.rates must be positive"),
        (["optimizer.damping=0"], "optimizer.damping must be positive, got 0.0"),
        (
            ["basis.intervals=5", "model.stages=[3,10]"],
            "model.stages must end at the intervals of the basis, 5, got (3, 10)",
        ),
        (["model.stages=3"], "model.stages: expected a list of numbers, got 3"),
        (["basis=rbf", "model.stages=[8]"], "model.stages must be empty for RBF, which cannot be extended"),
        (["+baseline.stages=[5]"], "baseline.stages is a key of baseline=kan only; ~baseline.stages takes it out"),
        (
            ["experiment=classification", "data.tasks=[wine]", "optimizer=lbfgs"],
            "optimizer.rates is a key of optimizer=adam or optimizer=sgd only; ~optimizer.rates takes it out",
        ),
        (
            ["basis.intervals=5", "model.stages=[3,4,5]", "optimizer.steps=2"],
            "optimizer.steps: must be at least 1 for each of the 3 stages of KAN BSpline ",
        ),
        (["trainer.checkpoint_seconds=-1"], "trainer.checkpoint_seconds must not be negative (0: never), got -1"),
        (["logger.statistics=often"], "logger.statistics: expected true or false, got 'often'"),
        (["trainer.accelerator=tpu"], "trainer.accelerator: expected one of auto, cpu, cuda, got 'tpu'"),
        (["trainer.precision=half"], "trainer.precision: expected one of single, double, got 'half'"),
        (["+data.path=my.csv", "+data.target=y"], "data.path is a key of data=table only; ~data.path takes it out"),
        (
            ["data=table", "data.path=x.csv", "data.target=y", "+data.tasks=[I.6.2]"],
            "data.tasks is a key of data=classic or data=development or data=feynman or ",
        ),
        (["logger.project=''"], "logger.project must be 1 to 128 printable letters, none of / \\ # ? % :, got ''"),
        (
            ["logger.project=../../x"],
            "logger.project must be 1 to 128 printable letters, none of / \\ # ? % :, got '../../x'",
        ),
        ([f"logger.project={'x' * 129}"], "logger.project must be 1 to 128 printable letters"),
        (["logger.entity=a/b"], "logger.entity must be 1 to 128 printable letters"),
        (["logger.kind=tensorboard"], "logger.kind: expected one of none, csv, wandb, got 'tensorboard'"),
    ],
    ids=lambda value: value[-1] if isinstance(value, list) else "",
)
def test_a_mistake_is_one_sentence_with_its_place(overrides, sentence):
    with pytest.raises(ConfigError) as error:
        config(*overrides)
    assert str(error.value).startswith(sentence)
    assert "\n" not in str(error.value)


def test_only_what_has_gradients_is_compiled_and_only_by_a_compiler(monkeypatch):
    with pytest.raises(
        ConfigError, match=r"trainer\.compile: compiles the gradients of adam and sgd; .* nothing would"
    ):
        config("trainer.compile=true", "optimizer=lm")
    monkeypatch.setattr("shutil.which", lambda name: None)
    with pytest.raises(ConfigError, match=r"trainer\.compile needs a C\+\+ compiler"):
        config("trainer.compile=true", "optimizer=adam")
    monkeypatch.setattr("shutil.which", lambda name: "/usr/bin/" + name)
    assert config("trainer.compile=true", "optimizer=adam").trainer.compile


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a CUDA device")
def test_a_device_that_is_not_there_is_refused():
    with pytest.raises(ConfigError, match=r"trainer\.accelerator is cuda, but no CUDA device is there"):
        config("trainer.accelerator=cuda")


@pytest.mark.parametrize(
    ("word", "sentence"),
    [
        ("system.epochs=0", r"system.epochs must be at least 1, got 0"),
        ("system.epochs=x", r"system.epochs: expected an integer, got 'x'"),
        ("system.hidden=[0]", r"system.hidden must be positive widths, got \(0,\)"),
        ("system.rate=nan", r"system.rate must be finite, got nan"),
        ("system.name=hand_drived", r"system.name: unknown name 'hand_drived'; did you mean hand_derived\?"),
        ("system.seed=99999999999999999999", r"system.seed must be at most 4,294,967,295, got 99999999999999999999"),
        ("system.epochs=1000000000", r"system.epochs must be at most 100,000, got 1000000000"),
        ("system.hidden=[1000000]", r"system.hidden must be at most 100, got \(1000000,\)"),
        ("system.hidden=[1,1,1,1,1,1,1,1,1,1,1]", r"system.hidden must have at most 10 entries"),
        ("system.std=1e300", r"system.std must be at most 1,000, got 1e\+300"),
        ("experiment=approximation_rate system.degrees=[15]", r"system.degrees must be at most 5, got \(15,\)"),
        ("experiment=taylor_paraboloid system.samples=1000000000", r"system.samples must be at most 100,000"),
        ("experiment=scratch_spline system.intervals=1000000", r"system.intervals must be at most 1,000, got 1000000"),
        ("name=..", r"name: must be letters"),
        ("name=a/b", r"name: must be letters"),
        (f"name={'a' * 101}", r"name: must be letters, .* at most 100"),
        ("experiment=hello_kan system.width=0", r"system.width must be at least 1, got 0"),
        ("experiment=hello_kan system.refined_intervals=2", r"system.refined_intervals must not be fewer than"),
        ("experiment=hello_kan system.seeds=10000000", r"system.seeds must be at most 10,000, got 10000000"),
        ("experiment=formulas system.train=1000000000", r"system.train must be at most 100,000, got 1000000000"),
        ("experiment=formulas system.folder=''", r"system.folder must name a folder, got ''"),
        ("experiment=formulas system.suite=none", r"system.suite must be one of classic, development, feynman, "),
    ],
)
def test_a_mistake_in_a_system_is_one_sentence_with_its_place(word, sentence):
    with pytest.raises(ConfigError, match=sentence):
        read_system(composed(*(word.split() if "experiment=" in word else ["experiment=hand_derived", word])))


def own_table(tmp_path, rows=50, **changes):
    lines = [f"{i},{i * i % 7},{i + i * i % 5}" for i in range(rows)]
    path = tmp_path / "my.csv"
    path.write_text("\n".join(["a,b,y", *lines]))
    settings = {"path": path, "target": "y"} | changes
    return config("data=table", *(f"data.{key}={value}" for key, value in settings.items()), "budget.targets=[50]")


def test_a_table_of_your_own_is_a_suite_of_one_task(tmp_path):
    read = own_table(tmp_path, train=20)
    assert (read.suite.name, read.suite.title, [task.inputs for task in read.tasks]) == (
        "table", "y of my.csv", [("a", "b")],
    )  # fmt: skip
    assert read.sizes == Shares(20, 0.2, 0.2)
    assert read.cells()[0].key == own_table(tmp_path, train=20).cells()[0].key
    assert "x" not in read.cells()[0].describe()["task"]


@pytest.mark.parametrize(
    ("rows", "changes", "sentence"),
    [
        (50, {"path": "nowhere.csv"}, r"data.path: nowhere.csv: cannot be read"),
        (50, {"target": "z"}, r"data.target or data.inputs: unknown column of my.csv 'z'"),
        (50, {"inputs": "[a,c]"}, r"data.target or data.inputs: unknown column of my.csv 'c'"),
        (50, {"train": 45}, r"data: train, validation and test take 65 of 50 rows"),
        (5, {}, r"data: every split needs at least 2 rows; 5 rows give 3, 1 and 1"),
        (
            50,
            {"train": 1.5},
            r"data.train: must be a share of the rows between 0 and 1, or a number of them up to 10,000,000, got 1.5",
        ),
        (50, {"train": "many"}, r"data.train: expected a number, got 'many'"),
        (50, {"noise": -1}, r"data.noise: must be a number that is not negative"),
    ],
)
def test_what_is_wrong_with_a_table_is_said_with_its_key(tmp_path, rows, changes, sentence):
    with pytest.raises(ConfigError, match=sentence):
        own_table(tmp_path, rows, **changes)


def test_a_table_of_your_own_may_have_several_targets_classes_and_columns_of_text(tmp_path):
    rows = [f"{i},{i * i % 7},{i % 5 * 2.5},{'uvw'[i % 3]},2026-01-{i % 28 + 1:02d},{i % 2}" for i in range(60)]
    (tmp_path / "mine.csv").write_text("\n".join(["a,y1,y2,c,day,flag", *rows]))

    def read(*words):
        path = f"data.path={tmp_path / 'mine.csv'}"
        return config("data=table", path, *(f"data.{word}" for word in words), "budget.targets=[90]")

    two = read("target=[y1,y2]", "inputs=[a,c,day]", "categorical=[c]", "dates=[day]")
    assert (two.suite.title, two.tasks[0].target) == ("y1, y2 of mine.csv", ("y1", "y2"))
    assert two.tasks[0].inputs == ("a", "c=u", "c=v", "c=w", "day")
    assert {cell.n_outputs for cell in two.cells()} == {2}
    ordered = read("target=y1", "inputs=[a,c]", "ordinal={c: [w, v, u]}")
    assert ordered.tasks[0].x[:3, 1].tolist() == [2.0, 1.0, 0.0]
    asked = r"^data.kind: column 'flag' of mine.csv holds only 0 and 1; say data.kind=classification .*=regression"
    for words, sentence in [
        (["target=flag", "inputs=[a]"], asked),
        (["target=c", "inputs=[a]"], r"^optimizer: lm minimizes squared residuals, .* the loss cross_entropy; choose"),
        (["target=y1"], r"^data.path: mine.csv: column 'c' is no column of numbers .* say data.categorical=\[c\]"),
        (["target=[y1,y1]"], r"^data.target: must name each column once, got 'y1' twice"),
        (["target={a: b}"], r"^data.target: must be the name of a column, or a list of names, got "),
        (["target=y1", "ordinal=[c]"], r"^data.ordinal: expected a list for each name, as {name: \[..\]}, got \['c'\]"),
        (["target=y1", "ordinal={c: 3}"], r"^data.ordinal: expected a list for each name"),
        (["target=y1", "dates=[d]"], r"^data.target, data.inputs or data.dates: unknown column of mine.csv 'd'"),
    ]:
        with pytest.raises(ConfigError, match=sentence):
            read(*words)


def test_classifications_stand_alone_and_need_an_optimizer_for_any_loss():
    with pytest.raises(
        ConfigError, match=r"data.tasks: diabetes is trained by the loss mse and digits by cross_entropy; a run"
    ):
        config("data=sklearn", "data.tasks=[diabetes,digits]", "optimizer=adam")
    wrong = r"^optimizer: lm minimizes squared residuals, .* cross_entropy; choose adam or lbfgs or sgd"
    for words in (["data=sklearn", "data.tasks=[wine]"], ["experiment=classification", "optimizer=lm"]):
        with pytest.raises(ConfigError, match=wrong):
            config(*words)
    assert config("experiment=classification", "optimizer=lbfgs", "~optimizer.rates").optimizer.steps == 500
    wine, *_ = config("experiment=classification", "data.tasks=[wine]").cells()
    assert (wine.method.label, wine.loss.name, wine.n_outputs) == ("class prior", "cross_entropy", 3)


def test_formulas_that_end_with_their_range_are_named_before_anything_is_trained():
    with pytest.raises(
        ConfigError, match=r"range 20 % wider; leave out of data.tasks: I.15.3x, I.26.2, I.30.5, I.44.4"
    ):
        config("data.extrapolation=0.2", "seeds=1")
    assert config("data.extrapolation=0.2", "data.tasks=[I.27.6]").conditions.extrapolation == 0.2


def test_what_differs_between_seeds_is_a_choice():
    assert config("vary=initialization").cells()[0].vary is Vary.initialization
    with pytest.raises(ConfigError, match=r"vary: unknown name 'date'; did you mean data"):
        config("vary=date")
    with pytest.raises(ConfigError, match=r"vary: order makes no difference, because the optimizer does not shuffle"):
        config("vary=order")
    assert config("vary=order", "optimizer=adam", "optimizer.batch=32").cells()
