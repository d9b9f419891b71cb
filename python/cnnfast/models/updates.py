"""What acts on weights behind the gradients of a training step, traced into it.

These are optimizers that are no formulas, and constraints of one's own.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from cnnfast.constraints import CoreConstraint
from cnnfast.layers.variable import Variable

if TYPE_CHECKING:
    from cnnfast._core import Weight
    from cnnfast.constraints import Constraint
    from cnnfast.layers.tracing import Tracing
    from cnnfast.optimizers import Optimizer


def add_updates(graph: Tracing, optimizer: Optimizer) -> None:
    """Adds what the optimizer and constraints make of trained weights, for the step to assign.

    Args:
        graph: An objective's, which uses the weights.
        optimizer: What moves them; it knows them if it is to be traced.

    Raises:
        ValueError: If a weight would get another shape.

    Example:
        >>> from cnnfast.layers.tracing import Tracing
        >>> from cnnfast.optimizers import SGD
        >>> graph, bias = Tracing(), Variable.named("bias", (2,))
        >>> bias.constraint, before = abs, graph.as_value(bias)
        >>> add_updates(graph, SGD())
        >>> graph.size
        4
    """
    trained = [weight for weight in graph.weights if weight.trainable]
    with graph.within():
        if optimizer._is_traced:
            optimizer._trace(trained)
            return
        for weight in trained:
            constraint = own_constraint(weight)
            if constraint is not None:
                held = constraint(graph.value(graph.updated_weight(weight)))
                graph.assign(weight, graph.as_value(held).number)


def own_constraint(weight: Weight) -> Constraint | None:
    """Returns the constraint that the core does not know, if the weight has such.

    Example:
        >>> own_constraint(Variable.named("bias", (2,))) is None
        True
    """
    constraint = weight.constraint if isinstance(weight, Variable) else None
    return None if isinstance(constraint, CoreConstraint) else constraint


def follows_rules(weights: Sequence[Weight]) -> bool:
    """Returns whether objectives are traced by what is trained: some weight has a rule of one's own.

    Example:
        >>> follows_rules([Variable.named("bias", (2,))])
        False
    """
    return any(own_constraint(each) or getattr(each, "penalty", None) for each in weights)
