"""A function of `cnnfast.ops` as a layer: what a call of it on symbolic tensors makes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.layer import Layer, new_name
from cnnfast.layers.sizes import Size, with_sizes, written
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.utils.nest import mapped

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.ops.operation import Operation as Entry
    from cnnfast.utils.serialization import Config

_TENSOR = "tensor"  # {"tensor": 1} stands for the second input


# What stands in configurations for numbers that JSON has not.
_NOT_FINITE = {"inf": np.inf, "-inf": -np.inf, "nan": np.nan}


def _plain(argument: Any) -> Any:
    return argument.tolist() if isinstance(argument, (np.ndarray, np.generic)) else argument


def _written(argument: Any) -> Any:
    made = _plain(argument)
    if isinstance(made, list) and not np.isfinite(argument).all():
        return mapped(_written, made)
    return str(made) if isinstance(made, float) and not np.isfinite(made) else made


def _read(argument: Any) -> Any:
    return _NOT_FINITE.get(argument, argument) if isinstance(argument, str) else argument


class Operation(Layer):
    """One function of `cnnfast.ops` in a model.

    Args:
        operation: The function's name.
        arguments: What it is called with: {"tensor": i} for the i-th input, {"size": formula} for a number
            that follows from the inputs' shapes, all else as it is.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Raises:
        ValueError: If there is no function of that name.

    Example:
        >>> from cnnfast import ops
        >>> from cnnfast.layers import Input
        >>> ops.relu(Input((3,))).layer.get_config()["operation"]
        'relu'
    """

    def __init__(self, operation: str, arguments: dict[str, Any], **options: Unpack[LayerOptions]) -> None:
        from cnnfast.ops.operation import TABLE

        if operation not in TABLE:
            raise ValueError(f"there is no operation {operation!r} in cnnfast.ops")
        if options.get("name") is None:
            options["name"] = new_name(operation)
        super().__init__(**options)
        self.operation = operation
        self.arguments = mapped(_read, arguments)

    @classmethod
    def of(cls, entry: Entry, arguments: dict[str, Any]) -> Any:
        """Makes the layer for these arguments and returns what it makes of the symbolic tensors in them."""
        sources: list[SymbolicTensor] = []

        def placed(tensor: Any) -> Any:
            if isinstance(tensor, Size):
                return written(tensor, place)
            if not isinstance(
                tensor, SymbolicTensor
            ):  # numbers; of many, a list would take eight times as much
                return tensor.copy() if isinstance(tensor, np.ndarray) else mapped(_plain, tensor)
            sources.append(tensor)
            return {_TENSOR: len(sources) - 1}

        def place(tensor: SymbolicTensor) -> int:
            if not any(tensor is each for each in sources):
                sources.append(tensor)
            return next(i for i, each in enumerate(sources) if each is tensor)

        def plain(argument: Any) -> Any:
            return written(argument, place) if isinstance(argument, Size) else _plain(argument)

        made = entry.with_tensors(arguments, placed)
        others = arguments.keys() - {*entry.tensors, *entry.lists}
        return cls(entry.name, {**made, **{name: mapped(plain, made[name]) for name in others}})(*sources)

    def call(self, *tensors: Any) -> Any:
        """What the function returns."""
        from cnnfast.ops.operation import TABLE

        entry = TABLE[self.operation]

        def given(argument: Any) -> Any:
            return tensors[argument[_TENSOR]] if isinstance(argument, dict) else argument

        shapes = [tensor.shape for tensor in tensors]
        arguments = {name: with_sizes(each, shapes) for name, each in self.arguments.items()}
        return entry(**entry.with_tensors(arguments, given))

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {
            **super().get_config(),
            "operation": self.operation,
            "arguments": mapped(_written, self.arguments),
        }
