"""Numbers picked by their places."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast.ops.logic import equal
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import expand_dims


@operation("x")
def one_hot(x: Any, num_classes: int, axis: int = -1) -> Any:
    """Returns 1 at the place that each whole number tells, else 0; a number of no place has none.

    Args:
        x: Whole numbers, or what stands for them.
        num_classes: How many places there are.
        axis: Where their axis is in the result.

    Example:
        >>> one_hot([1, 0], 3)
        array([[0., 1., 0.],
               [1., 0., 0.]], dtype=float32)
    """
    _, x = on_graph(x)
    wide = expand_dims(x, axis)
    behind = wide.ndim - 1 - (axis + wide.ndim if axis < 0 else axis)
    places = np.arange(num_classes, dtype=np.float32).reshape(-1, *(1,) * behind)
    return equal(wide, places)
