"""One node of ONNX's graph, as those see it who translate it; and the table of who translates what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.models.errors import ModelFileError

Translator = Callable[..., Any]
TABLE: dict[str, Translator] = {}


def translates(*operators: str) -> Callable[[Translator], Translator]:
    """Returns a decorator that puts a translator into the table.

    Args:
        operators: What it translates.

    Example:
        >>> @translates("Nothing")
        ... def nothing(node, x):
        ...     return x
        >>> TABLE.pop("Nothing") is nothing
        True
    """

    def enter(translator: Translator) -> Translator:
        TABLE.update(dict.fromkeys(operators, translator))
        return translator

    return enter


class Sizes(NamedTuple):
    """Whole numbers that depend on sizes that are not known: what they are in each of two examples.

    Attributes:
        examples: One array for each example.
    """

    examples: tuple[np.ndarray[Any, Any], ...]


class Node:
    """A node, its inputs known as far as they can be.

    Args:
        op: Its operator.
        name: What the layer is called.
        opset: The version of operators.
        attributes: What it says itself.
        kinds: NumPy's kinds of its inputs' numbers, such as "f"; "" where that is not known.
        outputs: How many of its outputs are wanted.
        batches: The batch's size in each of the examples.
    """

    def __init__(
        self,
        op: str,
        name: str,
        opset: int,
        attributes: dict[str, Any],
        kinds: Sequence[str],
        outputs: int,
        batches: tuple[int, ...],
    ) -> None:
        self.op, self.name, self.opset = op, name, opset
        self.attributes, self.kinds, self.outputs, self.batches = attributes, kinds, outputs, batches

    def get(self, attribute: str, default: Any = None) -> Any:
        """Returns one of its attributes."""
        return self.attributes.get(attribute, default)

    def fixed(self, value: Any, attribute: str, default: Any = None) -> Any:
        """Returns what is an input in newer opsets and an attribute in older ones, as an array or a number.

        Raises:
            ModelFileError: If it is computed from the network's inputs.
        """
        if value is None:
            return self.get(attribute, default)
        if isinstance(value, (SymbolicTensor, Sizes)):
            raise ModelFileError(f"its input {attribute!r} depends on the network's inputs; it must be fixed")
        return np.asarray(value)

    def integers(self, value: Any, attribute: str, default: Any = None) -> Any:
        """Returns the same as a list of ints; the default, where there is none."""
        found = self.fixed(value, attribute, default)
        return found if found is default else [int(each) for each in np.ravel(found)]

    def no(self, *attributes: str) -> None:
        """Refuses attributes that say something."""
        for each in attributes:
            if self.get(each):
                raise ModelFileError(f"{each}={self.get(each)!r} is not supported")

    def shapes(self, x: Any) -> list[tuple[int, ...]]:
        """Returns a shape, the batch's axis first, in each of the examples."""
        if not isinstance(x, SymbolicTensor):
            return [tuple(np.shape(x))] * len(self.batches)
        places = [min(i, len(x.examples) - 1) for i in range(len(self.batches))]
        lead = [(batch,) if x.batched else () for batch in self.batches]
        return [(*first, *x.examples[place]) for first, place in zip(lead, places, strict=True)]


def layer_name(name: Any) -> str:
    """Returns a name of ONNX's as layers may have it; "" if nothing is left of it.

    Args:
        name: The name; bytes where it is no text in UTF-8.

    Example:
        >>> layer_name("/features/0/Conv")
        'features.0.Conv'
    """
    text = name.decode(errors="replace") if isinstance(name, bytes) else name
    return "".join(c if c.isprintable() else "_" for c in text).strip("/").replace("/", ".")[:180]


def rank(x: Any) -> int:
    """Returns the number of axes, the batch's counted.

    Example:
        >>> rank(np.zeros((2, 3)))
        2
    """
    return x.ndim if isinstance(x, SymbolicTensor) else np.ndim(x)


def is_fixed(x: Any) -> bool:
    """Whether numbers are known now, so that they can be weights.

    Example:
        >>> is_fixed(np.zeros(3)), is_fixed(None)
        (True, False)
    """
    return isinstance(x, (np.ndarray, np.generic))


def with_weights(layer: Any, x: Any, weights: Sequence[Any]) -> Any:
    """Returns what a layer makes of a value, once its weights are set.

    Args:
        layer: A new layer.
        x: The value.
        weights: Its weights, in its order.
    """
    layer.build((None, *x.examples[0]) if isinstance(x, SymbolicTensor) else np.shape(x))
    layer.set_weights([np.asarray(each, np.float32) for each in weights])
    return layer(x)
