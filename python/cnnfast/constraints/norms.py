"""Rules that the core enforces on weights after each update.

A norm runs over the axes that `axis` names, one or several, as in Keras: 0, the default, is the norm of one
unit's weights in a dense layer's kernel (inputs, units). In a convolution's kernel (height, width, channels,
filters) a filter's norm takes axis=(0, 1, 2).
"""

from __future__ import annotations

from typing import Any

from cnnfast.constraints.constraint import CoreConstraint, CoreRule
from cnnfast.utils.arguments import entries, real_number, whole_number

Axis = int | tuple[int, ...]

_EPSILON = 1e-7  # Keras's guard against norms of 0


class NonNeg(CoreConstraint):
    """Sets negative weights to 0.

    Example:
        >>> NonNeg()
        NonNeg()
    """

    def _core_rule(self) -> CoreRule:
        return CoreRule("non_negative")

    def __call__(self, w: Any) -> Any:
        """Returns the weights without those below 0."""
        from cnnfast import ops

        return ops.maximum(w, 0.0)


class MaxNorm(CoreConstraint):
    """Scales weights down so that their Euclidean norm is at most `max_value`.

    Args:
        max_value: Largest norm, above 0.
        axis: The axis, or axes, of the weights over which one norm runs.

    Source:
        Keras 3, `keras.constraints.MaxNorm`.

    Example:
        >>> MaxNorm(3.0, axis=[0, 1, 2])
        MaxNorm(max_value=3.0, axis=(0, 1, 2))
    """

    def __init__(self, max_value: float = 2.0, axis: Axis = 0) -> None:
        _check_norms(0.0, max_value)
        self.max_value, self.axis = max_value, _plain_axis(axis)

    def _core_rule(self) -> CoreRule:
        return CoreRule("norm", 0.0, self.max_value, axes=_axes(self.axis))

    def __call__(self, w: Any) -> Any:
        """Returns the weights, scaled."""
        return _scaled(w, self.axis, 0.0, self.max_value)


class UnitNorm(CoreConstraint):
    """Scales weights so that their Euclidean norm is 1.

    Args:
        axis: The axis, or axes, of the weights over which one norm runs.

    Source:
        Keras 3, `keras.constraints.UnitNorm`.

    Example:
        >>> UnitNorm()
        UnitNorm(axis=0)
    """

    def __init__(self, axis: Axis = 0) -> None:
        self.axis = _plain_axis(axis)

    def _core_rule(self) -> CoreRule:
        return CoreRule("norm", 1.0, 1.0, axes=_axes(self.axis))

    def __call__(self, w: Any) -> Any:
        """Returns the weights, scaled."""
        return _scaled(w, self.axis, 1.0, 1.0)


class MinMaxNorm(CoreConstraint):
    """Moves the Euclidean norm of weights towards [min_value, max_value].

    Formula: norm = rate * min(max(norm, min_value), max_value) + (1 - rate) * norm

    Args:
        min_value: Smallest norm, at least 0.
        max_value: Largest norm, at least `min_value`.
        rate: Share of the way that one update goes, in [0, 1].
        axis: The axis, or axes, of the weights over which one norm runs.

    Source:
        Keras 3, `keras.constraints.MinMaxNorm`.

    Example:
        >>> MinMaxNorm(0.5, 2.0)
        MinMaxNorm(min_value=0.5, max_value=2.0, rate=1.0, axis=0)
    """

    def __init__(
        self, min_value: float = 0.0, max_value: float = 1.0, rate: float = 1.0, axis: Axis = 0
    ) -> None:
        _check_norms(min_value, max_value)
        if not 0 <= real_number(rate, "rate") <= 1:
            raise ValueError(f"rate must lie in [0, 1], got {rate!r}")
        self.min_value, self.max_value, self.rate, self.axis = min_value, max_value, rate, _plain_axis(axis)

    def _core_rule(self) -> CoreRule:
        return CoreRule("norm", self.min_value, self.max_value, self.rate, _axes(self.axis))

    def __call__(self, w: Any) -> Any:
        """Returns the weights, scaled."""
        return _scaled(w, self.axis, self.min_value, self.max_value, self.rate)


def _check_norms(minimum: float, maximum: float) -> None:
    if real_number(maximum, "max_value") < real_number(minimum, "min_value") or maximum == 0:
        raise ValueError(
            f"norms need 0 <= min_value <= max_value and a max_value above 0, got {minimum} ... {maximum}"
        )


def _plain_axis(axis: Any) -> Axis:
    """The axis, or axes, in the form that is compared and saved."""
    axes = _axes(axis)
    return axes[0] if entries(axis) is None else axes


def _axes(axis: Any) -> tuple[int, ...]:
    each = entries(axis)
    axes = tuple(whole_number(a, "axis", -5) for a in ((axis,) if each is None else each))
    if not axes or len(set(axes)) < len(axes):
        raise ValueError(f"axis must be a whole number or several that differ, got {axis!r}")
    return axes


def _scaled(w: Any, axis: Axis, minimum: float, maximum: float, rate: float = 1.0) -> Any:
    from cnnfast import ops

    norms = ops.sqrt(ops.sum(ops.square(w), axis=axis, keepdims=True))
    wanted = norms + rate * (ops.clip(norms, minimum, maximum) - norms)
    return w * (wanted / (norms + _EPSILON))
