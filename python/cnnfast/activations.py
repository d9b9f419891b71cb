"""Activation functions by Keras's names: those of `cnnfast.ops`, and what finds one by its name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast import ops
from cnnfast.layers.activation import activation_config, activation_of
from cnnfast.ops import (
    celu,
    elu,
    glu,
    hard_shrink,
    hard_sigmoid,
    hard_silu,
    hard_swish,
    hard_tanh,
    leaky_relu,
    log_sigmoid,
    log_softmax,
    mish,
    relu6,
    selu,
    sigmoid,
    silu,
    soft_shrink,
    softmax,
    softplus,
    softsign,
    sparse_plus,
    sparse_sigmoid,
    sparsemax,
    squareplus,
    swish,
    tanh,
    tanh_shrink,
    threshold,
)
from cnnfast.ops import exp as exponential
from cnnfast.utils.missing import missing

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping


def linear(x: Any) -> Any:
    """Returns x.

    Example:
        >>> linear(3.0)
        3.0
    """
    return x


def relu(x: Any, negative_slope: float = 0.0, max_value: float | None = None, threshold: float = 0.0) -> Any:
    """Returns min(x, max_value) where x > threshold, else negative_slope * (x - threshold).

    Args:
        x: Numbers of any shape, or what stands for them.
        negative_slope: The slope below the threshold.
        max_value: The largest value; None for none.
        threshold: Below it values are small.

    Example:
        >>> relu([-2.0, 1.0, 9.0], negative_slope=0.5, max_value=6.0)
        array([-1.,  1.,  6.], dtype=float32)
    """
    if (negative_slope, max_value, threshold) == (0.0, None, 0.0):
        return ops.relu(x)
    if max_value is not None and (negative_slope, threshold) == (0.0, 0.0):
        return ops.minimum(max_value, ops.maximum(0.0, x))
    large = x if max_value is None else ops.minimum(x, max_value)
    small = ops.multiply(ops.subtract(x, threshold), negative_slope)
    return ops.where(ops.greater(x, threshold), large, small)


def gelu(x: Any, approximate: bool = False) -> Any:
    """Returns x times the share of a normal distribution below x.

    Args:
        x: Numbers of any shape, or what stands for them.
        approximate: Whether that share is approximated by tanh; `ops.gelu` does unless told not to.

    Source:
        Hendrycks and Gimpel, Gaussian Error Linear Units, 2016, https://arxiv.org/abs/1606.08415

    Example:
        >>> gelu([0.0, 9.0])
        array([0., 9.], dtype=float32)
    """
    return ops.gelu(x, approximate)


def get(identifier: Any) -> Callable[..., Any]:
    """Returns the activation function that a name stands for; None is `linear`, a function is itself.

    Args:
        identifier: A name, None, or a function; or what `serialize` returned.

    Raises:
        ValueError: If there is none of that name.

    Example:
        >>> get("swish")([0.0])
        array([0.], dtype=float32)
    """
    activation = activation_of(identifier)
    return activation if callable(activation) else FUNCTIONS[activation]


def serialize(activation: Callable[..., Any]) -> str:
    """Returns the name of an activation function, of which `deserialize` makes it again.

    Raises:
        ValueError: If it is code of your own, which no configuration holds.

    Example:
        >>> serialize(relu)
        'relu'
    """
    return activation_config(activation_of(activation))


def deserialize(config: Any, custom_objects: Mapping[str, Any] | None = None) -> Callable[..., Any]:
    """Returns the activation function that a configuration names.

    Args:
        config: What `serialize` returned.
        custom_objects: Functions of your own, by name.

    Raises:
        ValueError: If there is none of that name.

    Example:
        >>> deserialize("gelu") is gelu
        True
    """
    own = (custom_objects or {}).get(config) if isinstance(config, str) else None
    return get(config if own is None else own)


__all__ = [
    "celu",
    "deserialize",
    "elu",
    "exponential",
    "gelu",
    "get",
    "glu",
    "hard_shrink",
    "hard_sigmoid",
    "hard_silu",
    "hard_swish",
    "hard_tanh",
    "leaky_relu",
    "linear",
    "log_sigmoid",
    "log_softmax",
    "mish",
    "relu",
    "relu6",
    "selu",
    "serialize",
    "sigmoid",
    "silu",
    "soft_shrink",
    "softmax",
    "softplus",
    "softsign",
    "sparse_plus",
    "sparse_sigmoid",
    "sparsemax",
    "squareplus",
    "swish",
    "tanh",
    "tanh_shrink",
    "threshold",
]

# By name: what layers take.
FUNCTIONS: dict[str, Callable[..., Any]] = {
    name: globals()[name] for name in __all__ if name not in ("deserialize", "get", "serialize")
}

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
