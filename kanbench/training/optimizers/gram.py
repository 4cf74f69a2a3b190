"""J^T J, where half of the work can be saved."""

from functools import cache

import torch
from scipy.linalg import get_blas_funcs
from threadpoolctl import ThreadpoolController
from torch import Tensor


def lower_gram(matrices: Tensor) -> Tensor:
    """A A^T of every A: (members, k, n) -> (members, k, k), of which only the lower triangle is meant.

    On one CPU thread by BLAS's syrk, which computes one triangle; torch has no such product, so elsewhere it is the
    whole one.
    """
    if matrices.device.type != "cpu" or torch.get_num_threads() > 1:
        return matrices @ matrices.mT
    members, k, _ = matrices.shape
    grams = matrices.new_empty(members, k, k)
    (syrk,) = get_blas_funcs(("syrk",), dtype=grams.numpy().dtype)
    with _blas().limit(limits=1):
        for matrix, gram in zip(matrices, grams, strict=True):
            transposed = matrix.is_contiguous()  # BLAS counts columns first: a row-major A is its A^T
            a = (matrix.mT if transposed else matrix).numpy()
            syrk(1.0, a, trans=transposed, c=gram.mT.numpy(), overwrite_c=True)
    return grams


@cache
def _blas() -> ThreadpoolController:
    """SciPy's BLAS has threads of its own, which get in the way of torch's."""
    return ThreadpoolController().select(user_api="blas")
