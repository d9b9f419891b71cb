"""The weights that `Layer.add_weight` makes."""

from __future__ import annotations

from typing import Any

from cnnfast import constraints, initializers, regularizers
from cnnfast.config import next_seed
from cnnfast.initializers.initializer import first_values
from cnnfast.layers.variable import Variable


def new_weight(
    name: str, shape: tuple[int, ...], initializer: Any, regularizer: Any, constraint: Any
) -> Variable:
    """Returns a weight with its first values and the rules it follows.

    Example:
        >>> new_weight("mine/scale", (2,), "ones", None, None).numpy()
        array([1., 1.], dtype=float32)
    """
    from numpy.random import default_rng

    begins = initializers.get("glorot_uniform" if initializer is None else initializer)
    variable = Variable(name, shape)
    variable.assign_first(first_values(begins, shape, default_rng(next_seed())))
    if (penalty := regularizers.get(regularizer)) is not None:
        variable.set_regularizer(*penalty._factors())
    if (rule := constraints.get(constraint)) is not None:
        variable.set_constraint(*rule._core_rule())
    return variable
