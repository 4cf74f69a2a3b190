"""J^T J, where half of the work can be saved."""

from functools import cache

import torch
from scipy.linalg import get_blas_funcs
from threadpoolctl import ThreadpoolController
from torch import Tensor


def lower_gram(matrices: Tensor, out: Tensor, *, scale: float = 1.0) -> None:
    """Write scale A A^T of every A into `out`, of which only the lower triangle is meant.

    On one CPU thread by BLAS's syrk, which computes one triangle; torch has no such product, so elsewhere it is the
    whole one.

    Args:
        matrices: (members, k, n), each of them row by row or column by column in memory.
        out: (members, k, k), column by column.
        scale: what multiplies the products.
    """
    if not needs_one_by_one(matrices):
        torch.matmul(matrices, matrices.mT, out=out).mul_(scale)
        return
    (syrk,) = get_blas_funcs(("syrk",), dtype=out.numpy().dtype)
    with _blas().limit(limits=1):
        for matrix, gram in zip(matrices, out, strict=True):
            transposed = matrix.is_contiguous()  # BLAS counts columns first: a row-major A is its A^T
            a = (matrix.mT if transposed else matrix).numpy()
            syrk(scale, a, trans=transposed, lower=True, c=gram.numpy(), overwrite_c=True)


def needs_one_by_one(matrices: Tensor) -> bool:
    """Return whether `lower_gram` takes one matrix after the other, so that nothing is lost by a call for each."""
    return matrices.device.type == "cpu" and torch.get_num_threads() == 1


@cache
def _blas() -> ThreadpoolController:
    """SciPy's BLAS has threads of its own, which get in the way of torch's."""
    return ThreadpoolController().select(user_api="blas")
