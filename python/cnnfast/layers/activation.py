"""Activation functions as layers of their own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import activation_name, not_offered
from cnnfast.utils.warn import warn

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Activation as ActivationName
    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


def emit_activation(graph: Graph, src: int, activation: ActivationName, name: str) -> int:
    """Adds an activation to a graph and returns the number of its output; warns of a softmax over one value.

    Example:
        >>> from cnnfast._core import Graph
        >>> graph = Graph()
        >>> emit_activation(graph, graph.input((3,), "x"), "relu", "relu")
        1
    """
    if activation == "softmax" and graph.shape(src)[-1] == 1:
        warn(f"{name}: a softmax over one value always gives 1; for yes or no use a sigmoid")
    return graph.activation(src, activation, name)


class Activation(Layer):
    """A function of each value; softmax, of each vector along the last axis.

    Formula: relu max(x, 0); tanh; sigmoid 1 / (1 + e^-x); softmax e^x_j / sum_k e^x_k; linear x.

    Args:
        activation: "relu", "tanh", "sigmoid", "softmax" or "linear".
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

    def __init__(self, activation: str, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        self.activation = activation_name(activation)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return emit_activation(graph, srcs[0], self.activation, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "activation": self.activation}


class ReLU(Layer):
    """Negative values become 0.

    Formula: max(x, 0)

    Args:
        max_value, negative_slope, threshold: Keras's arguments, which must have their defaults.
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
        max_value: None = None,
        negative_slope: float = 0.0,
        threshold: float = 0.0,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        not_offered(
            "ReLU",
            max_value=(max_value, None),
            negative_slope=(negative_slope, 0.0),
            threshold=(threshold, 0.0),
        )

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.activation(srcs[0], "relu", self.name)


class Softmax(Layer):
    """Each vector along the last axis as probabilities.

    Formula: e^x_j / sum_k e^x_k

    Args:
        axis: Not offered; must be -1.
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

    def __init__(self, axis: int = -1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)
        not_offered("Softmax", axis=(axis, -1))

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return emit_activation(graph, srcs[0], "softmax", self.name)
