"""Tiny modules as people publish them, one for each fault that the contract finds, and some that are sound."""

import random
import threading
from functools import lru_cache
from itertools import pairwise

import numpy as np
import torch
from torch import nn
from torch.utils.checkpoint import checkpoint

from kanbench import KAN
from kanbench.bases import Taylor

SEEN_DTYPES = []


class Plain(nn.Sequential):
    """Sound: a tanh network of the widths."""

    def __init__(self, widths, gain=1.0):
        layers = []
        for a, b in pairwise(widths):
            layers += [nn.Linear(a, b), nn.Tanh()]
        super().__init__(*layers[:-1])
        with torch.no_grad():
            for parameter in self.parameters():
                parameter.mul_(gain)


def build_plain(widths):
    return Plain(widths)


class Layer(nn.Module):
    """Sound, one layer: powers of tanh x."""

    def __init__(self, n_in, n_out, degree=3):
        super().__init__()
        self.coefficients = nn.Parameter(torch.randn(n_in, n_out, degree) / (n_in * degree) ** 0.5)
        self.register_buffer("powers", torch.arange(1, degree + 1))

    def forward(self, x):
        return torch.einsum("nid,iod->no", torch.tanh(x).unsqueeze(-1) ** self.powers, self.coefficients)


class KeepsOrder(nn.Module):
    """Sound but poor: a LayerNorm over the inputs."""

    def __init__(self, widths):
        super().__init__()
        self.norm, self.rest = nn.LayerNorm(widths[0]), Plain(widths)

    def forward(self, x):
        return self.rest(self.norm(x))


class HiddenNorm(nn.Module):
    """Sound, although it is a constant at width 1: a LayerNorm over the hidden nodes."""

    def __init__(self, widths):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(*widths[:2]), nn.LayerNorm(widths[1]), nn.Linear(*widths[1:])

    def forward(self, x):
        return self.last(torch.tanh(self.norm(self.first(x))))


class HoldsAKAN(nn.Sequential):
    """Sound: a network of kanbench itself, which the page can draw."""

    def __init__(self, widths, seed):
        super().__init__(*KAN(widths, Taylor(), generator=torch.Generator().manual_seed(seed)))


class HiddenDraw(Plain):
    """Sound: random features in a buffer that its state leaves out."""

    def __init__(self, widths):
        super().__init__(widths)
        self.register_buffer("shift", torch.randn(widths[0]), persistent=False)

    def forward(self, x):
        return super().forward(x + self.shift)


class Flat(Plain):
    def forward(self, x):
        return super().forward(x).squeeze(-1)


class Tupled(Plain):
    def forward(self, x):
        return super().forward(x), torch.zeros(())


class Deep(Plain):
    def forward(self, x):
        return super().forward(x).unsqueeze(-1)


class Caching(Plain):
    """Sound: leaves tensors on itself, in attributes, lists and new names."""

    def __init__(self, widths):
        super().__init__(widths)
        self.cache, self.acts = None, []

    def forward(self, x):
        self.cache = self[0](x)
        self.acts.append(self.cache)
        self.fresh = self.cache * 2
        return super().forward(x)


class PlainTensor(Plain):
    """Sound: random features as a plain attribute, which is no buffer."""

    def __init__(self, widths):
        super().__init__(widths)
        self.shift = torch.randn(widths[0])

    def forward(self, x):
        return super().forward(x + self.shift)


class HooksKeep(Plain):
    """Sound: its hooks keep what passes by, also when a copy is called."""

    def __init__(self, widths):
        super().__init__(widths)
        self.seen, self.all_seen = {}, []
        self[0].register_forward_hook(lambda module, x, y: self.seen.update(last=y))
        self[0].register_forward_hook(lambda module, x, y: self.all_seen.append(y))


class HookWrites(Plain):
    """Sound: a hook makes a tensor of a module of torch from its parameters, as the older weight norm did."""

    def __init__(self, widths):
        super().__init__(widths)
        weight = self[0].weight
        del self[0].weight
        self[0].direction = nn.Parameter(weight.detach())
        self[0].register_forward_pre_hook(lambda module, x: setattr(module, "weight", 2.0 * module.direction))


class Lazy(Plain):
    """Sound: the first pass draws its start."""

    def __init__(self, widths):
        super().__init__(widths)
        self[0] = nn.LazyLinear(widths[1])


class Unused(Plain):
    def __init__(self, widths):
        super().__init__(widths)
        self.spare = nn.Parameter(torch.randn(7))
        self.grid = nn.Parameter(torch.linspace(-1, 1, 5), requires_grad=False)


class Seeded(Plain):
    """Sound: takes a seed, and seeds everything with it."""

    def __init__(self, widths, seed=1):
        torch.manual_seed(seed)
        np.random.seed(seed)  # noqa: NPY002  # as published
        random.seed(seed)
        super().__init__(widths)


class AlwaysSeedsOne(Seeded):
    def __init__(self, widths):
        super().__init__(widths, 1)


class SeedsOnce(nn.Module):
    """Not repeatable: a counter of the class scales it."""

    built = 0

    def __init__(self, widths):
        super().__init__()
        SeedsOnce.built += 1
        self.net = Plain(widths, gain=float(SeedsOnce.built))

    def forward(self, x):
        return self.net(x)


class FromNumpy(Plain):
    """Sound: draws from NumPy and random."""

    def __init__(self, widths):
        super().__init__(widths)
        with torch.no_grad():
            self[0].bias.copy_(torch.from_numpy(np.random.randn(widths[1])) + random.random())  # noqa: NPY002


class ChangesWidths(Plain):
    def __init__(self, widths):
        super().__init__(widths)
        widths.append(99)


class NotNarrow(Plain):
    def __init__(self, widths):
        if min(widths[1:-1]) < 2:
            raise ValueError("width 1 is refused")
        super().__init__(widths)


class ListsParameters(nn.Module):
    """Sound: keeps its parameters in a plain list as well, and reads them from there."""

    def __init__(self, widths):
        super().__init__()
        self.scales, self.rest = [], Plain(widths)
        for i, width in enumerate(widths[:-1]):
            setattr(self, f"scale_{i}", nn.Parameter(torch.rand(width)))
            self.scales.append(getattr(self, f"scale_{i}"))

    def forward(self, x):
        return self.rest(x * self.scales[0])


class OwnTo(Plain):
    """Sound: its `to` takes a device and nothing else."""

    def to(self, device):
        return super().to(device)


class NestedLists(ListsParameters):
    """Its parameters are read from where no member can exchange them."""

    def __init__(self, widths):
        super().__init__(widths)
        self.nested = [list(self.scales)]

    def forward(self, x):
        return self.rest(x * self.nested[0][0])


class EvenOnly(Plain):
    """Sound: takes even widths, as heads and groups do."""

    def __init__(self, widths):
        if any(width % 2 for width in widths[1:-1]):
            raise ValueError("widths must be even")
        super().__init__(widths)


class BatchNormed(nn.Module):
    """Sound in evaluation mode."""

    def __init__(self, widths):
        super().__init__()
        self.first, self.norm, self.last = nn.Linear(*widths[:2]), nn.BatchNorm1d(widths[1]), nn.Linear(*widths[1:])

    def forward(self, x):
        return self.last(torch.tanh(self.norm(self.first(x))))


class ByTheBatch(Plain):
    def forward(self, x):
        return super().forward((x - x.amin(0)) / (x.amax(0) - x.amin(0) + 1e-6))


class Constant(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.rest, self.norm = Plain(widths), nn.LayerNorm(widths[-1])

    def forward(self, x):
        return self.norm(self.rest(x))


class WrongTanh(torch.autograd.Function):
    """Old style, so vmap refuses it; its derivative is wrong unless `factor` is 1."""

    factor = 0.2

    @staticmethod
    def forward(ctx, x):
        y = torch.tanh(x)
        ctx.save_for_backward(y)
        return y

    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (1 - y**2) * WrongTanh.factor


class TrueTanh(WrongTanh):
    @staticmethod
    def backward(ctx, g):
        (y,) = ctx.saved_tensors
        return g * (1 - y**2)


class WrongBackward(nn.Module):
    function = WrongTanh

    def __init__(self, widths):
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(widths))

    def forward(self, x):
        for layer in self.layers[:-1]:
            x = self.function.apply(layer(x))
        return self.layers[-1](x)


class OldFunction(WrongBackward):
    """Sound, but vmap does not take an autograd.Function without setup_context."""

    function = TrueTanh


class InPlace(Plain):
    """Sound, but vmap does not take writes into a fresh tensor."""

    def forward(self, x):
        powers = torch.ones(x.shape[0], x.shape[1], 3, dtype=x.dtype)
        powers[:, :, 1] = x
        powers[:, :, 2] = x**2
        return super().forward(powers.sum(-1))


class NotDifferentiable(Plain):
    def forward(self, x):
        y = torch.exp(self[0](x))
        y *= 2
        z = torch.exp(y)
        y += 1
        return z.sum(-1, keepdim=True) + y.sum(-1, keepdim=True) * 0


class MakesDefaultTensors(Plain):
    """Sound: makes tensors of the default precision in forward."""

    def forward(self, x):
        SEEN_DTYPES.append(torch.ones(1).dtype)
        return super().forward(x @ torch.eye(x.shape[1]))


class Single(Plain):
    def forward(self, x):
        return super().forward(x).float()


class WrongShape(Plain):
    def __init__(self, widths):
        super().__init__([*widths[:-1], 3])


class NoTensor(Plain):
    def forward(self, x):
        return "no tensor"


class NoModule:
    def __init__(self, widths):
        pass


class Raises(Plain):
    def __init__(self, widths):
        raise RuntimeError("needs a GPU")


class ForwardRaises(Plain):
    def forward(self, x):
        raise RuntimeError("inputs must be images")


class Noisy(Plain):
    def forward(self, x):
        return super().forward(x) + torch.randn(x.shape[0], 1, dtype=x.dtype)


class NotFinite(Plain):
    def forward(self, x):
        return super().forward(x) / 0.0


class Fixed(nn.Module):
    """Its parameters do not grow with the width."""

    def __init__(self, widths):
        super().__init__()
        self.layer = nn.Linear(widths[0], widths[-1])

    def forward(self, x):
        return self.layer(x)


class Frozen(Plain):
    def __init__(self, widths):
        super().__init__(widths)
        self.requires_grad_(False)


class HiddenState(Plain):
    """Its members differ in a tensor that is neither a parameter nor a buffer."""

    def __init__(self, widths):
        super().__init__(widths)
        self.shifts = [torch.randn(widths[0])]

    def forward(self, x):
        return super().forward(x + self.shifts[0].to(x.dtype))


@lru_cache
def cached_power(x):
    return x**2


class CachesByIdentity(Plain):
    def forward(self, x):
        return super().forward(cached_power(x))


class Locked(Plain):
    """It cannot be copied."""

    def __init__(self, widths):
        super().__init__(widths)
        self.lock = threading.Lock()


class ComplexWeights(nn.Module):
    def __init__(self, widths):
        super().__init__()
        self.first = nn.Parameter(torch.randn(*widths[:2], dtype=torch.cfloat))
        self.last = nn.Linear(*widths[1:])

    def forward(self, x):
        return self.last((x.to(self.first.dtype) @ self.first).abs())


class OfTheClass(Plain):
    """Its parameter belongs to the class, so no instance knows it."""

    scale = nn.Parameter(torch.ones(1))

    def __init__(self, widths):
        super().__init__(widths)
        self.scales = {"all": OfTheClass.scale}

    def forward(self, x):
        return super().forward(x) * self.scales["all"]


class PlainList(nn.Module):
    """Its first layer is in a plain list."""

    def __init__(self, widths):
        super().__init__()
        self.layers, self.last = [nn.Linear(*widths[:2])], nn.Linear(*widths[1:])

    def forward(self, x):
        return self.last(torch.tanh(self.layers[0](x)))


class MakesParameters(nn.Module):
    """It makes a layer when it is called first."""

    def __init__(self, widths):
        super().__init__()
        self.rest = Plain(widths)

    def forward(self, x):
        if not hasattr(self, "late"):
            self.late = nn.Linear(x.shape[1], x.shape[1])
        return self.rest(self.late(x))


class WritesInputs(Plain):
    def forward(self, x):
        x *= 0.5
        return super().forward(x)


class Recomputes(Plain):
    """Its backward pass calls it again, with tensors that are no longer there."""

    def forward(self, x):
        return checkpoint(super().forward, x, use_reentrant=False)


class OneOfTwo(nn.Module):
    """The seed decides which of its parts is used."""

    def __init__(self, widths):
        super().__init__()
        self.parts, self.which = nn.ModuleList([Plain(widths), Plain(widths)]), int(torch.randint(2, ()))

    def forward(self, x):
        return self.parts[self.which](x)


class ByTheNumber(Plain):
    def forward(self, x):
        return super().forward(x if len(x) < 100 else x / 2)


class Running(Plain):
    def forward(self, x):
        return super().forward(x + 0.01 * x.cumsum(0))


class Dropped(Plain):
    """Sound: its dropout never drops, because it is in evaluation mode."""

    def forward(self, x):
        return super().forward(nn.functional.dropout(x, 0.5, self.training))


size = 3
