"""A network comes back from its file bit for bit, and trains on as if nothing had been."""

import io
import json
from pathlib import Path

import pytest
import safetensors.torch
import torch
from torch import nn

from kanbench.bases import BASES, BSpline, Chebyshev
from kanbench.checkpoint import Names, build, describe, load, load_names, pack, save
from kanbench.errors import UnknownName
from kanbench.files.sealed import Damaged, Seal
from kanbench.files.user_source import TargetError
from kanbench.interpret import LIBRARY, Function, formula, prune, snap, snap_network
from kanbench.methods import OwnMethod
from kanbench.models import KAN, MLP, Activation, Aggregation, BaseBranch, EdgeScale, KANLayer, extend, update_grid
from kanbench.training.looped import ensemble_of

X = torch.rand(40, 2, generator=torch.Generator().manual_seed(0), dtype=torch.float64) * 2 - 1
Y = torch.sin(2 * X[:, :1]) * X[:, 1:]


def kan(basis=None, shape=(2, 3, 1), dtype=torch.float64, **switches):
    return KAN(list(shape), basis, generator=torch.Generator().manual_seed(1), dtype=dtype, **switches)


def snapped():
    model = kan()
    names = {(0, 0): "sin", (0, 1): "x^2", (1, 1): "tanh"}
    return nn.Sequential(snap(model[0], X, names), model[1])


def partly_symbolic():
    """Named functions on some edges, splines on others."""
    whole, rest = snap(KANLayer(2, 1, dtype=torch.float64), X), KANLayer(2, 1, edges=[(1, 0)], bias=False).double()
    whole.rest = rest
    return nn.Sequential(whole)


NETWORKS = {
    **{f"kan_{name}": lambda kind=kind: kan(kind()) for name, kind in BASES.items()},
    **{f"mlp_{a.value}": lambda a=a: MLP([2, 4, 4, 1], a, dtype=torch.float64) for a in Activation},
    "mlp_fourier": lambda: MLP([2, 4, 1], frequencies=5, scale=2.0, dtype=torch.float64),
    "switches": lambda: kan(
        Chebyshev(degree=3, constant=True, low=-2.0),
        aggregation=Aggregation.mean,
        base_branch=BaseBranch.silu,
        edge_scale=EdgeScale.edge,
        bias=False,
    ),
    "pruned": lambda: prune(kan(shape=(2, 5, 4, 1)), X, edge_threshold=0.2, node_threshold=0.05),
    "moved_knots": lambda: update_grid(kan(BSpline(intervals=4)), X / 3, mix=0.7),
    "extended": lambda: extend(kan(BSpline(intervals=3)), 5),
    "pruned_with_moved_knots": lambda: update_grid(prune(kan(), X, edge_threshold=0.3), X / 2),
    "single_precision": lambda: kan().float(),
    "layer": lambda: KANLayer(2, 1, BSpline(degree=2), dtype=torch.float64),
    "symbolic": snapped,
    "named": lambda: snap_network(kan(), X),
    "partly_symbolic": partly_symbolic,
}


def trained(model, steps=5):
    """All parameters after some steps of Adam."""
    optimizer = torch.optim.Adam([p for p in model.parameters() if p.requires_grad], lr=1e-2)
    dtype = next(model.parameters()).dtype
    for _ in range(steps):
        optimizer.zero_grad()
        (model(X.to(dtype)) - Y.to(dtype)).square().mean().backward()
        optimizer.step()
    return model


@pytest.mark.parametrize("name", NETWORKS)
def test_a_network_comes_back_bit_for_bit_and_trains_on_as_if_nothing_had_been(name, tmp_path):
    model = trained(NETWORKS[name]())
    state = torch.random.get_rng_state()
    save(model, tmp_path / "network")
    again = load(tmp_path / "network")
    assert torch.equal(torch.random.get_rng_state(), state)
    assert repr(again) == repr(model)
    assert_same(again, model)
    x = X.to(next(model.parameters()).dtype)
    assert torch.equal(again(x), model(x))
    assert_same(trained(again), trained(model))
    assert json.loads(json.dumps(describe(model))) == describe(model) == describe(build(describe(model)))


def assert_same(ours, theirs):
    assert type(ours) is type(theirs)
    assert list(ours.state_dict()) == list(theirs.state_dict())
    for one, other in zip(ours.state_dict().values(), theirs.state_dict().values(), strict=True):
        assert one.dtype == other.dtype
        assert torch.equal(one, other)


def test_the_networks_above_are_what_they_are_called():
    pruned, moved = NETWORKS["pruned"](), NETWORKS["pruned_with_moved_knots"]()
    assert any(layer.edges is not None for layer in pruned)
    assert all(layer.knots is not None for layer in moved)
    assert any(layer.edges is not None for layer in moved)


def test_what_was_frozen_stays_frozen(tmp_path):
    model = kan()
    model[0].coefficients.requires_grad_(False)
    save(model, tmp_path / "network")
    frozen = [name for name, p in load(tmp_path / "network").named_parameters() if not p.requires_grad]
    assert frozen == ["0.coefficients"]


def test_a_function_of_ones_own_comes_back_with_its_library(tmp_path):
    own = {**LIBRARY, "twice": Function("twice", lambda u: 2 * u.square().square(), lambda u: 2 * u**4, 3)}
    model = nn.Sequential(snap(KANLayer(1, 1, dtype=torch.float64), X[:, :1], {(0, 0): "twice"}, own))
    save(model, tmp_path / "network")
    assert torch.equal(load(tmp_path / "network", library=own)(X[:, :1]), model(X[:, :1]))
    with pytest.raises(UnknownName, match="library function 'twice'"):
        load(tmp_path / "network")


def test_a_damaged_or_foreign_file_is_refused_in_one_sentence(tmp_path):
    path = tmp_path / "network"
    save(kan(), path)
    whole = path.read_bytes()
    for content, sentence in [
        (whole[:-100], "does not match its checksum; the file is damaged or cut short"),
        (whole[:20], "not a network of kanbench"),
        (b"", "not a network of kanbench"),
        (whole.replace(b'"kanbench_network":"2"', b'"kanbench_network":"3"'), "of format 3, this version reads 1 to 2"),
        (whole.replace(b"intervals", b"intervalz"), "does not match its checksum; the file is damaged or cut short"),
        (whole[:-1] + bytes([whole[-1] ^ 1]), "does not match its checksum; the file is damaged or cut short"),
        (safetensors.torch.save(kan().state_dict()), "not a network of kanbench"),
        (safetensors.torch.save(kan().state_dict(), {"format": "pt"}), "not a network of kanbench"),
        (whole.replace(b"kanbench_network", b"kanbench_record"), "not a network of kanbench"),
    ]:
        path.write_bytes(content)
        with pytest.raises(Damaged, match=sentence) as error:
            load(path)
        assert "\n" not in str(error.value)
        assert str(path) in str(error.value)
    torch.save(kan().state_dict(), path)
    with pytest.raises(Damaged, match="not a network of kanbench"):
        load(path)


@pytest.mark.parametrize("end", [0, 1, 7, 8, 9, 200, -1])
def test_a_file_that_is_cut_anywhere_is_refused_in_one_sentence(tmp_path, end):
    path = tmp_path / "network"
    save(kan(), path)
    path.write_bytes(path.read_bytes()[:end])
    with pytest.raises(Damaged, match="network: ") as error:
        load(path)
    assert "\n" not in str(error.value)


def test_any_reader_of_safetensors_opens_a_network(tmp_path):
    model = kan(BSpline(intervals=4))
    save(model, tmp_path / "network")
    with safetensors.safe_open(tmp_path / "network", framework="numpy") as file:
        facts, tensors = file.metadata(), {name: file.get_tensor(name) for name in model.state_dict()}
    assert json.loads(facts["architecture"]) == describe(model)
    for name, tensor in model.state_dict().items():
        assert (tensors[name] == tensor.numpy()).all()


def saved(content):
    file = io.BytesIO()
    torch.save(content, file)
    return file.getvalue()


def with_layer(**changes):
    """The content of a file, with a layer changed."""
    model = kan()
    architecture = describe(model)
    architecture["layers"][0] |= changes
    return saved({"architecture": architecture, "frozen": [], "tensors": dict(model.state_dict())})


@pytest.mark.parametrize(
    "body",
    [
        *(b"", b"\n", b"junk", b"PK\x03\x04" + bytes(40)),
        *map(saved, (None, [], 3, "x", {}, {"architecture": None, "tensors": {}, "frozen": []})),
        *(saved({"architecture": describe(kan()), "tensors": t, "frozen": []}) for t in (None, [], {}, {"x": 1})),
        *(saved({"architecture": describe(kan()), "tensors": {}, "frozen": f}) for f in (3, [3], ["x"])),
        *(with_layer(kind=value) for value in (None, "x", [])),
        *(with_layer(n_in=value) for value in (None, "x", -1, 0)),
        *(with_layer(aggregation=value) for value in (None, "x")),
        *(with_layer(edges=value) for value in (3, [1], [[9, 9]])),
        *(with_layer(basis=value) for value in (None, {}, {"name": "x"}, {"name": "bspline", "degree": "x"})),
    ],
)  # fmt: skip
def test_a_sealed_network_with_nothing_or_nonsense_inside_is_one_sentence_with_the_file(tmp_path, body):
    Seal("network", 1).write(tmp_path / "network", body)
    with pytest.raises(Damaged, match="network: ") as error:
        load(tmp_path / "network")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("architecture", "frozen", "tensors"),
    [
        *((value, [], {}) for value in (None, [], 3, "x", {}, {"kind": "x"})),
        *((describe(kan()), [], value) for value in ({}, {"x": torch.ones(1)})),
        *((describe(kan()), value, kan().state_dict()) for value in (3, [3], ["x"])),
    ],
)
def test_a_whole_file_with_nonsense_inside_is_one_sentence_with_the_file(tmp_path, architecture, frozen, tensors):
    (tmp_path / "network").write_bytes(pack(architecture, frozen, tensors))
    with pytest.raises(Damaged, match="network: ") as error:
        load(tmp_path / "network")
    assert "\n" not in str(error.value)


def test_no_class_is_pickled(tmp_path):
    """Content that needs a class to be loaded is refused, checksum or not."""
    file = io.BytesIO()
    torch.save({"architecture": kan(), "tensors": {}}, file)
    Seal("network", 1).write(tmp_path / "network", file.getvalue())
    with pytest.raises(Damaged, match="holds no network that this version can build"):
        load(tmp_path / "network")


def test_what_cannot_be_saved_is_refused_and_leaves_no_file(tmp_path):
    class Mine(Chebyshev):
        """A basis that is not registered."""

    with pytest.raises(
        ValueError, match="cannot save a Linear; what can be saved: KAN, MLP, Sequential, SymbolicNetwork"
    ):
        save(nn.Sequential(nn.Linear(2, 3), KANLayer(3, 1)), tmp_path / "network")
    with pytest.raises(ValueError, match="cannot save the basis Mine: it is not in BASES"):
        save(kan(Mine()), tmp_path / "network")
    assert list(tmp_path.iterdir()) == []


def test_a_network_of_named_functions_comes_back_with_the_ranges_of_its_inputs(tmp_path):
    model = snap_network(kan(), 1000.0 * X)
    save(model, tmp_path / "named.kan")
    again = load(tmp_path / "named.kan")
    assert again[0].ranges == model[0].ranges
    assert str(formula(again, ["x", "y"], 3)) == str(formula(model, ["x", "y"], 3))


TINY = Path(__file__).parents[1] / "methods" / "tiny_models.py"


def own_member(name, seed=1):
    """A member of an ensemble of own models, moved by a step."""
    method = OwnMethod(target=f"{TINY}:{name}", kwargs={})
    starts = [torch.Generator().manual_seed(each) for each in range(3)]
    ensemble = ensemble_of([method.build(2, 3, start, torch.float64) for start in starts])
    return ensemble.members(ensemble.start + 0.1)[seed]


@pytest.mark.parametrize(
    "name", ["Plain", "PlainTensor", "HiddenDraw", "Unused", "BatchNormed", "OldFunction", "ListsParameters"]
)
def test_an_own_model_comes_back_bit_for_bit_by_its_target(name, tmp_path):
    model = own_member(name)
    save(model, tmp_path / "own.kanbench")
    again = load(tmp_path / "own.kanbench", target=f"{TINY}:{name}")
    assert torch.equal(again(X), model(X))
    trained = [[key for key, each in m.named_parameters() if each.requires_grad] for m in (model, again)]
    assert trained[0] == trained[1]
    assert not torch.equal(own_member(name, 0)(X), model(X))


def test_a_file_of_an_own_model_runs_no_code_without_its_target_and_none_that_has_changed(tmp_path):
    path, moved = tmp_path / "own.kanbench", tmp_path / "moved.py"
    save(own_member("Plain"), path)
    with pytest.raises(TargetError, match=r"own model, Plain of source [0-9a-f]{6}: load\(path, target='.*Plain'"):
        load(path)
    moved.write_text(TINY.read_text())
    load(path, target=f"{moved}:Plain")
    moved.write_text(TINY.read_text() + "# changed")
    with pytest.raises(TargetError, match=r"own model, Plain of source .*, and the source of .*moved.py:Plain is"):
        load(path, target=f"{moved}:Plain")
    with pytest.raises(TargetError, match=r"there is no file gone\.py"):
        load(path, target="gone.py:Plain")


def test_the_names_of_inputs_outputs_and_classes_are_saved_with_a_network(tmp_path):
    model, names = KAN([2, 3]), Names(("a", "b"), ("setosa", "virginica", "größer 3"))
    save(model, tmp_path / "named", names=names)
    assert load_names(tmp_path / "named") == names
    x = torch.rand(5, 2)
    assert torch.equal(load(tmp_path / "named")(x), model(x))
    save(model, tmp_path / "plain")
    assert load_names(tmp_path / "plain") == Names((), ())
    with safetensors.safe_open(tmp_path / "plain", "pt") as file:
        assert file.metadata().keys() == {"kanbench_network", "architecture", "frozen", "sha256"}
    content = (tmp_path / "named").read_bytes()
    (tmp_path / "changed").write_bytes(content.replace(b"setosa", b"sepals"))
    with pytest.raises(Damaged, match="does not match its checksum"):
        load_names(tmp_path / "changed")
