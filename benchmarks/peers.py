"""KAN libraries of others, if available. This module contains none of their code: checkouts are loaded by path."""

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

from torch import nn

TERMS = 8  # per edge, everywhere


class Missing(Exception):
    """A peer is not available; the message says what is missing and where to get it."""


@dataclass(frozen=True)
class Peer:
    """A network of another library with about `TERMS` terms per edge.

    `file` is the module below the folder of peers, or "" for pykan, which is installed. `options` describes its
    options.
    """

    name: str
    basis: str
    repository: str
    file: str
    options: str
    build: Callable[[ModuleType, Sequence[int]], nn.Module]

    def load(self, folder: Path | None) -> ModuleType:
        """Load the module of the peer. Raises `Missing`."""
        if not self.file:
            return load_pykan()
        path = (folder or Path("peers")) / self.file
        if folder is None or not path.is_file():
            raise Missing(f"{self.name}: no {path}; github.com/{self.repository} cloned below the folder of --peers")
        spec = importlib.util.spec_from_file_location(f"peer_{path.stem}", path)
        assert spec is not None
        assert spec.loader is not None
        module = sys.modules[spec.name] = importlib.util.module_from_spec(spec)  # torch.compile looks there
        spec.loader.exec_module(module)
        return module


def load_pykan() -> ModuleType:
    """Load pykan. Raises `Missing`."""
    try:
        module = importlib.import_module("kan")
    except ImportError as error:
        raise Missing(f"pykan: {error}; pip install pykan scikit-learn tqdm") from error
    if not hasattr(module, "KAN"):
        raise Missing(f"pykan: {module.__name__} is another package; pip install pykan scikit-learn tqdm")
    return module


def stack(layer: Callable[..., nn.Module], shape: Sequence[int], *args: Any, **options: Any) -> nn.Module:
    """Build a sequence of layers."""
    return nn.Sequential(*(layer(n_in, n_out, *args, **options) for n_in, n_out in pairwise(shape)))


def pykan(module: ModuleType, shape: Sequence[int], **options: Any) -> Any:
    """Build a pykan network in its speed mode, without symbolic branch, saved activations or checkpoints."""
    return module.KAN(width=list(shape), grid=5, k=3, auto_save=False, **options).speed()


EFFICIENT = ("bspline", "Blealtan/efficient-kan", "efficient-kan/src/efficient_kan/kan.py")
FAST = ("rbf", "ZiyaoLi/fast-kan", "fast-kan/fastkan/fastkan.py")
PEERS = (
    Peer("pykan", "bspline", "KindXiaoming/pykan", "", "grid 5, k 3, SiLU branch, speed()", pykan),
    Peer(
        "efficient-kan",
        *EFFICIENT,
        "grid 5, order 3, SiLU branch, scale per edge",
        lambda m, shape: m.KAN(shape, grid_size=5, spline_order=3),
    ),
    Peer(
        "efficient-kan lean",
        *EFFICIENT,
        "the same without the scale per edge",
        lambda m, shape: stack(m.KANLinear, shape, grid_size=5, enable_standalone_scale_spline=False),
    ),
    Peer("fast-kan", *FAST, "8 centres, SiLU branch, LayerNorm", lambda m, shape: m.FastKAN(shape, num_grids=TERMS)),
    Peer(
        "fast-kan lean",
        *FAST,
        "8 centres alone",
        lambda m, s: stack(m.FastKANLayer, s, num_grids=TERMS, use_base_update=False, use_layernorm=False),
    ),
    Peer(
        "ChebyKAN",
        "chebyshev",
        "SynodicMonth/ChebyKAN",
        "ChebyKAN/ChebyKANLayer.py",
        "degree 7: T_0 to T_7",
        lambda m, shape: stack(m.ChebyKANLayer, shape, TERMS - 1),
    ),
    Peer(
        "FourierKAN",
        "fourier",
        "GistNoesis/FourierKAN",
        "FourierKAN/fftKAN.py",
        "grid size 4: 4 sines, 4 cosines",
        lambda m, shape: stack(m.NaiveFourierKANLayer, shape, TERMS // 2),
    ),
)
