"""The weights that `Layer.add_weight` makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import constraints, initializers, regularizers
from cnnfast.config import next_seed
from cnnfast.initializers.initializer import first_values
from cnnfast.layers.variable import Variable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def new_weight(
    name: str, shape: tuple[int, ...], initializer: Any, regularizer: Any, constraint: Any
) -> Variable:
    """Returns a weight with its first values and the rules it follows.

    Example:
        >>> new_weight("mine/scale", (2,), "ones", None, None).numpy()
        array([1., 1.], dtype=float32)
    """
    begins = initializers.get("glorot_uniform" if initializer is None else initializer)
    variable = Variable.named(name, shape)
    variable.assign_first(first_values(begins, shape, next_seed()))
    follow(variable, regularizers.get(regularizer), constraints.get(constraint))
    return variable


def weight_again(
    name: str,
    shape: tuple[int, ...],
    values: NDArray[np.float32] | None,
    regularizer: regularizers.Regularizer | None,
    constraint: constraints.Constraint | None,
    trainable: bool,
    learning_rate_factor: float,
) -> Variable:
    """Returns a weight as one was; without values, they will be drawn.

    Example:
        >>> weight_again("mine/scale", (2,), None, None, None, False, 1.0).trainable
        False
    """
    variable = Variable.named(name, shape)
    follow(variable, regularizer, constraint)
    variable.trainable, variable.learning_rate_factor = trainable, learning_rate_factor
    if values is not None:
        variable.assign(values)
    return variable


def follow(
    variable: Variable,
    regularizer: regularizers.Regularizer | None,
    constraint: constraints.Constraint | None,
) -> None:
    """Has a weight held by rules in training.

    Example:
        >>> follow(Variable.named("mine/scale", (2,)), regularizers.L2(0.1), None)
    """
    variable.regularizer = regularizer
    if isinstance(regularizer, regularizers.KernelRegularizer):
        variable.set_regularizer(*regularizer._factors())
    elif regularizer is not None:
        variable.penalty = regularizer
    variable.constraint = constraint
    if isinstance(constraint, constraints.CoreConstraint):
        variable.set_constraint(*constraint._core_rule())
