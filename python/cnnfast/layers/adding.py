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
    begins = initializers.get("glorot_uniform" if initializer is None else initializer)
    variable = Variable(name, shape)
    variable.assign_first(first_values(begins, shape, next_seed()))
    follow(variable, regularizers.get(regularizer), constraints.get(constraint))
    return variable


def follow(
    variable: Variable,
    regularizer: regularizers.Regularizer | None,
    constraint: constraints.Constraint | None,
) -> None:
    """Has a weight held by rules in training.

    Example:
        >>> follow(Variable("mine/scale", (2,)), regularizers.L2(0.1), None)
    """
    if isinstance(regularizer, regularizers.KernelRegularizer):
        variable.set_regularizer(*regularizer._factors())
    elif regularizer is not None:
        variable.penalty = regularizer
    variable.constraint = constraint
    if isinstance(constraint, constraints.CoreConstraint):
        variable.set_constraint(*constraint._core_rule())
