"""Products of matrices: dense layers where one of them is fixed."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io.onnx.node import Node, is_fixed, rank, translates, with_weights


@translates("MatMul")
def matmul(node: Node, x: Any, kernel: Any, bias: Any = None) -> Any:
    """Dense where the second matrix is fixed, else `ops.matmul`."""
    if is_fixed(kernel) and np.ndim(kernel) == 2 and rank(x) >= 2 and not is_fixed(x):
        return _dense(node, x, kernel, bias)
    made = ops.matmul(x, kernel)
    return made if bias is None else ops.add(made, bias)


@translates("Gemm")
def gemm(node: Node, x: Any, kernel: Any, bias: Any = None) -> Any:
    """Returns alpha * x @ kernel + beta * bias, either matrix turned before."""
    alpha, beta = node.get("alpha", 1.0), node.get("beta", 1.0)
    bias = bias if bias is None or beta == 1.0 else ops.multiply(bias, beta)
    x = ops.transpose(x) if node.get("transA", 0) else x
    if is_fixed(kernel) and not is_fixed(x):
        kernel = kernel.T if node.get("transB", 0) else kernel
        return _dense(node, x, kernel if alpha == 1.0 else kernel * alpha, bias)
    made = ops.matmul(x, ops.transpose(kernel) if node.get("transB", 0) else kernel)
    made = made if alpha == 1.0 else ops.multiply(made, alpha)
    return made if bias is None else ops.add(made, bias)


def _dense(node: Node, x: Any, kernel: Any, bias: Any) -> Any:
    units = kernel.shape[1]
    joins = bias is not None and is_fixed(bias) and np.size(bias) in (1, units) and np.shape(bias)[-1:] != ()
    joins = joins and np.size(bias) == max(np.shape(bias)[-1], 1)
    layer = layers.Dense(units, use_bias=joins, name=node.name)
    weights = [kernel, np.broadcast_to(np.ravel(bias), (units,))] if joins else [kernel]
    made = with_weights(layer, x, weights)
    return made if bias is None or joins else ops.add(made, bias)


@translates("Einsum")
def einsum(node: Node, *xs: Any) -> Any:
    """`ops.einsum`."""
    return ops.einsum(node.get("equation"), *xs)


@translates("Det")
def det(node: Node, x: Any) -> Any:
    """`ops.det`."""
    return ops.det(x)
