"""J^T J by one triangle."""

import pytest
import torch

from kanbench.training.optimizers.gram import lower_gram


@pytest.fixture(params=[1, 2], ids=["one thread", "two threads"])
def threads(request):
    before = torch.get_num_threads()
    torch.set_num_threads(request.param)
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64], ids=str)
@pytest.mark.parametrize("shape", [(3, 5, 11), (2, 11, 5), (1, 1, 1), (0, 4, 3)], ids=str)
@pytest.mark.parametrize("transposed", [False, True], ids=["rows", "columns"])
@pytest.mark.usefixtures("threads")
def test_equals_the_whole_product_below_the_diagonal(shape, dtype, transposed):
    a = torch.randn(shape, generator=torch.Generator().manual_seed(0), dtype=dtype)
    if transposed:  # the same matrices, stored by columns
        a = a.mT.contiguous().mT
    grams = a.new_full((len(a), shape[1], shape[1]), torch.nan).mT
    lower_gram(a, grams, scale=0.5)
    torch.testing.assert_close(grams.tril(), (0.5 * a @ a.mT).tril())
