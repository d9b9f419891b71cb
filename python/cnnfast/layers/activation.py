"""Activation functions as layers of their own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, cast

from cnnfast.layers.layer import Layer
from cnnfast.layers.tracing import Tracing
from cnnfast.utils.arguments import ACTIVATIONS, activation_name, real_number
from cnnfast.utils.custom_objects import custom_object, written_name
from cnnfast.utils.warn import warn

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Activation as ActivationName
    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


def activation_of(value: Any) -> str | Callable[..., Any]:
    """Returns an activation as layers keep it: by its name where it has one, else the function.

    Raises:
        ValueError: If there is none of that name.

    Example:
        >>> from cnnfast import activations
        >>> activation_of(None), activation_of("swish"), activation_of(activations.gelu)
        ('linear', 'silu', 'gelu')
    """
    value = value if custom_object(value) is None else custom_object(value)
    if callable(value):
        return _name_of(value) or value
    if value is None or value in ACTIVATIONS:
        return activation_name(value)
    from cnnfast import activations

    if value not in activations.FUNCTIONS:
        activation_name(value, list(activations.FUNCTIONS))  # says what there is
    return _name_of(activations.FUNCTIONS[value]) or ""


def _name_of(function: Callable[..., Any]) -> str | None:
    """Returns the name of one of the package's functions; None of any other."""
    from cnnfast import activations, ops

    name = getattr(function, "__name__", "")
    kernel = name in ACTIVATIONS and function is getattr(ops, name, None)
    name = "exponential" if name == "exp" else name
    return name if kernel or function is activations.FUNCTIONS.get(name) else None


def activation_config(activation: str | Callable[..., Any]) -> str:
    """Returns an activation as it stands in configurations.

    Raises:
        ValueError: If it is a function of your own without a name, or with one of ours.

    Example:
        >>> activation_config("relu")
        'relu'
    """
    if not callable(activation):
        return activation
    from cnnfast import activations

    name = written_name(activation)
    if name in activations.FUNCTIONS:
        raise ValueError(
            f"{activation!r} is code of your own with the name of one of ours; give it another one by "
            "cnnfast.saving.register_keras_serializable"
        )
    return name


def emit_activation(graph: Graph, src: int, activation: str | Callable[..., Any], name: str) -> int:
    """Adds an activation to a graph and returns the number of its output; warns of a softmax over one value.

    Example:
        >>> from cnnfast._core import Graph
        >>> graph = Graph()
        >>> emit_activation(graph, graph.input((3,), "x"), "relu", "relu")
        1
    """
    if activation == "softmax" and graph.shape(src)[-1] == 1:
        warn(f"{name}: a softmax over one value always gives 1; for yes or no use a sigmoid")
    if activation in ACTIVATIONS:
        return graph.activation(src, cast("ActivationName", activation), name)
    from cnnfast import activations

    return _emit_function(graph, src, activations.get(activation), name)


def _emit_function(graph: Graph, src: int, function: Callable[..., Any], name: str) -> int:
    assert isinstance(graph, Tracing)
    with graph.within(name):
        return graph.as_value(function(graph.value(src))).number


class Activated:
    """What layers with an activation share."""

    _activation: str | Callable[..., Any]

    @property
    def activation(self) -> Callable[..., Any]:
        """The function applied to the output; models made from then on see what it is set to."""
        from cnnfast import activations

        return activations.get(self._activation)

    @activation.setter
    def activation(self, value: Any) -> None:
        self._activation = activation_of(value)


class Activation(Activated, Layer):
    """A function of each value; softmax, of each vector along the last axis.

    Formula: relu max(x, 0); tanh; sigmoid 1 / (1 + e^-x); softmax e^x_j / sum_k e^x_k; linear x.

    Args:
        activation: A name in `cnnfast.activations`, such as "relu" or "gelu", or a function; None for none.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Raises:
        ValueError: If there is no activation of that name.

    Source:
        Keras 3, `keras.layers.Activation`.

    Example:
        >>> import numpy as np
        >>> Activation("relu")(np.array([[-1.0, 2.0]]))
        array([[0., 2.]], dtype=float32)
    """

    def __init__(self, activation: Any, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.activation = activation

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return emit_activation(graph, srcs[0], self._activation, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "activation": activation_config(self._activation)}


class ReLU(Layer):
    """Small values become 0, or are made smaller; large ones are cut off.

    Formula: min(x, max_value) where x > threshold, else negative_slope * (x - threshold)

    Args:
        max_value: The largest value, at least 0; None for none.
        negative_slope: The slope below the threshold, at least 0.
        threshold: Below it values are small, at least 0.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Source:
        Keras 3, `keras.layers.ReLU`.

    Example:
        >>> import numpy as np
        >>> ReLU()(np.array([[-1.0, 2.0]]))
        array([[0., 2.]], dtype=float32)
    """

    def __init__(
        self,
        max_value: float | None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.max_value = None if max_value is None else real_number(max_value, "max_value")
        self.negative_slope = real_number(negative_slope, "negative_slope")
        self.threshold = real_number(threshold, "threshold")

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        if (self.max_value, self.negative_slope, self.threshold) == (None, 0.0, 0.0):
            return graph.activation(srcs[0], "relu", self.name)
        from cnnfast.activations import relu

        arguments = (self.negative_slope, self.max_value, self.threshold)
        return _emit_function(graph, srcs[0], lambda x: relu(x, *arguments), self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        own = ("max_value", "negative_slope", "threshold")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}


class Softmax(Layer):
    """Each vector along an axis as probabilities.

    Formula: e^x_j / sum_k e^x_k

    Args:
        axis: The axis, or several that are treated as one.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Source:
        Keras 3, `keras.layers.Softmax`.

    Example:
        >>> import numpy as np
        >>> Softmax()(np.array([[5.0, 5.0]]))
        array([[0.5, 0.5]], dtype=float32)
    """

    activation: ClassVar[str] = "softmax"

    def __init__(self, axis: int | Sequence[int] = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.axis = axis

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        if self.axis == -1:
            return emit_activation(graph, srcs[0], "softmax", self.name)
        from cnnfast.ops import softmax

        return _emit_function(graph, srcs[0], lambda x: softmax(x, self.axis), self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "axis": self.axis}
