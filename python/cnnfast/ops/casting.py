"""Numbers that other types have, as float32."""

from __future__ import annotations

from typing import Any

import numpy as np

from cnnfast.ops.functions import trunc
from cnnfast.ops.logic import not_equal
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.shaping import shaped


def cast(x: Any, dtype: Any) -> Any:
    """Returns the numbers that a type has for others, as float32, in which all is computed.

    Args:
        x: Numbers of any shape, or what stands for them.
        dtype: "float32" leaves them alone; "bool" makes them 0 or 1; types of whole numbers cut off what is
            behind the point, and do not wrap round.

    Raises:
        ValueError: If it is another type.

    Example:
        >>> cast([-1.5, 0.0, 2.5], "int32"), cast([-1.5, 0.0, 2.5], "bool")
        (array([-1.,  0.,  2.], dtype=float32), array([1., 0., 1.], dtype=float32))
    """
    try:
        name = np.dtype(dtype).name
    except TypeError:
        name = str(dtype)
    return x if name == "float32" and hasattr(x, "dtype") and str(x.dtype) == name else _cast(x, name)


@operation("x")
def _cast(x: Any, dtype: str) -> Any:
    _, x = on_graph(x)
    if dtype == "bool":
        return not_equal(x, 0.0)
    if dtype == "float32":
        return shaped(x, x.shape)
    if dtype not in ("int8", "int16", "int32", "int64", "uint8", "uint16", "uint32", "uint64"):
        raise ValueError(f"dtype must be 'float32', 'bool' or a type of whole numbers, got {dtype!r}")
    return trunc(x)
