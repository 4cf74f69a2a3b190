"""Bases written term by term: their faster ways against `terms` and automatic differentiation."""

from dataclasses import dataclass

import pytest
import torch

from kanbench.bases import BASES, RBF, Bernstein, BSpline, Chebyshev, Fourier, Taylor
from kanbench.bases.termwise import TermwiseBasis

TERMWISE = [basis() for basis in BASES.values() if issubclass(basis, TermwiseBasis)]
OTHERS = [
    Taylor(constant=True),
    Chebyshev(degree=1),
    Fourier(harmonics=1),
    RBF(width=0.5),
    BSpline(degree=1, intervals=1),
]


def draw(*shape, seed=0):
    return torch.randn(shape, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


@pytest.mark.parametrize("basis", TERMWISE + OTHERS, ids=str)
@pytest.mark.parametrize("spread", [0.3, 3.0], ids=["on the domain", "off it as well"])
def test_combined_slopes_are_those_of_automatic_differentiation(basis, spread):
    z = (spread * draw(2, 3, 50)).clamp(-2.0 * spread, 2.0 * spread).requires_grad_()
    weights = draw(2, 3, 4, basis.n_terms, seed=1)
    sums = weights @ basis.expand(basis.from_unit(z).mT).movedim(-3, -1)
    expected = [torch.autograd.grad(sums[:, :, k].sum(), z, retain_graph=True)[0] for k in range(4)]
    found = basis.combine(z.detach(), basis.terms(z.detach()), weights)
    torch.testing.assert_close(found, torch.stack(expected, dim=2), rtol=1e-11, atol=1e-11)


@pytest.mark.parametrize("basis", TERMWISE + OTHERS, ids=str)
@pytest.mark.parametrize("z", [draw(3, 40).tanh(), 3.0 * draw(3, 40), torch.tensor([[-1.0, 0.0, 1.0]])], ids=len)
def test_written_terms_are_the_terms(basis, z):
    out = torch.full((len(z), basis.n_terms, z.shape[1]), torch.nan, dtype=z.dtype)
    basis.write_terms(z, out)
    torch.testing.assert_close(out, basis.terms(z))


def test_a_subclass_with_functions_of_its_own_does_not_inherit_the_faster_ways():
    @dataclass(frozen=True)
    class Doubled(Chebyshev):
        def terms(self, z):
            return 2.0 * super().terms(z)

        def slopes(self, z, terms):
            return 2.0 * super().slopes(z, terms / 2.0)

    basis, z, weights = Doubled(degree=8), draw(3, 20).tanh(), draw(3, 2, 8)
    test_written_terms_are_the_terms(basis, z)
    terms = basis.terms(z)
    torch.testing.assert_close(basis.combine(z, terms, weights), weights @ basis.slopes(z, terms))
    assert Bernstein.combine is TermwiseBasis.combine
