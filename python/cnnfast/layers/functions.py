"""Functions as layers, and the layer that does nothing."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnnfast.layers.layer import Layer
from cnnfast.layers.tracing import current_tracing
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.custom_objects import custom_object, written_name

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class Identity(Layer):
    """Its input, unchanged.

    Args:
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Source:
        Keras 3, `keras.layers.Identity`.

    Example:
        >>> Identity().compute_output_shape((None, 5))
        (None, 5)
    """

    def __init__(self, **options: Unpack[LayerOptions]) -> None:
        super().__init__(**options)

    def call(self, inputs: Any) -> Any:
        """Returns what it was given."""
        return inputs


class Lambda(Layer):
    """A function of one's own as a layer.

    Args:
        function: What the layer makes of its input, by functions of `cnnfast.ops` and Python's operators; or
            the name of one function of `cnnfast.ops`. It is told `training` if it takes that.
        output_shape: Keras's argument; the shape follows from the function.
        mask: Keras's argument, which must have its default.
        arguments: What else the function is called with, by name.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: If it is no function; or, when the layer is saved, none of `cnnfast.ops`.

    Source:
        Keras 3, `keras.layers.Lambda`.

    Example:
        >>> import numpy as np
        >>> Lambda(lambda x: x**2)(np.array([[1.0, 3.0]]))
        array([[1., 9.]], dtype=float32)
    """

    def __init__(
        self,
        function: Callable[..., Any] | str,
        output_shape: Any = None,
        mask: Any = None,
        arguments: dict[str, Any] | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        from cnnfast import ops

        super().__init__(**options)
        not_offered("Lambda", mask=(mask, None))
        found = custom_object(function) or function
        if isinstance(found, str) and found in ops.__all__:
            found = getattr(ops, found)
        if not callable(found):
            raise ValueError(
                f"{self.name}: function must be one, or the name of one of cnnfast.ops; got {function!r}"
            )
        self.function: Callable[..., Any] = found
        self.arguments = dict(arguments or {})

    def call(self, inputs: Any, **told: Any) -> Any:
        """Returns what the function makes; `training` is what the graph knows of it."""
        graph, arguments = current_tracing(), self.arguments
        if graph is not None and "training" in inspect.signature(self.function).parameters:
            arguments = {"training": graph.training, **arguments}
        return self.function(inputs, **arguments)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer.

        Raises:
            ValueError: If the function has no name, or another's.
        """
        from cnnfast import ops

        name = written_name(self.function)
        if name in ops.__all__ and getattr(ops, name) is not self.function:
            raise ValueError(
                f"layer {self.name!r} has a function of your own with the name of one of ours, {name!r}; "
                "give it another one by cnnfast.saving.register_keras_serializable"
            )
        return {**super().get_config(), "function": name, "arguments": self.arguments}
