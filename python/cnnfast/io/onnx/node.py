"""One node of ONNX's graph, as those see it who translate it; and the table of who translates what."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple

import numpy as np

from cnnfast.layers.sizes import Size
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


class OpenSizeError(ModelFileError):
    """A node that needs to know a size that is open; other examples of sizes would not help."""


class Sizes(NamedTuple):
    """Numbers that depend on sizes that are not known: what they are in each example.

    Attributes:
        examples: One array for each example.
        formulas: For each number what it follows from: a `Size`, the number itself, or None if nothing tells.
    """

    examples: tuple[np.ndarray[Any, Any], ...]
    formulas: np.ndarray[Any, Any]

    def entries(self) -> list[Any]:
        """Returns its numbers and `Size`s.

        Raises:
            OpenSizeError: If there are others.
        """
        rows = zip(*(np.ravel(each).tolist() for each in self.examples), strict=True)
        return [sized(row, formula) for row, formula in zip(rows, np.ravel(self.formulas), strict=True)]


def sized(examples: Sequence[Any], formula: Any) -> Any:
    """Returns a number that is the same in all examples, or the `Size` that it follows from.

    Raises:
        OpenSizeError: If there is none.

    Example:
        >>> sized((4, 4, 4), None)
        4
    """
    if len(set(examples)) == 1:
        return examples[0]
    if not isinstance(formula, Size):
        raise OpenSizeError("a size depends on the input's, in a way that cannot be kept")
    return formula


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
        if isinstance(value, Sizes):
            raise OpenSizeError(f"its input {attribute!r} depends on the size of the network's inputs")
        if isinstance(value, SymbolicTensor):
            raise ModelFileError(f"its input {attribute!r} depends on the network's inputs; it must be fixed")
        return np.asarray(value)

    def integers(self, value: Any, attribute: str, default: Any = None) -> Any:
        """Returns the same as a list of ints; the default, where there is none."""
        found = self.fixed(value, attribute, default)
        return found if found is default else [int(each) for each in np.ravel(found)]

    def sizes(self, value: Any, attribute: str, default: Any = None) -> Any:
        """Returns the same as a list of ints, and of `Size`s where they depend on what is open."""
        return value.entries() if isinstance(value, Sizes) else self.integers(value, attribute, default)

    def number(self, value: Any, attribute: str, default: Any = None) -> Any:
        """Returns the same as a float; the default, where there is none."""
        found = self.fixed(value, attribute, default)
        if found is default:
            return found
        if np.size(found) != 1:
            raise ModelFileError(f"its {attribute!r} must be one number, got the shape {np.shape(found)}")
        return float(np.ravel(found)[0])

    def axis(self, axis: int, count: int) -> int:
        """Returns an axis of so many, counted from the first.

        Raises:
            ModelFileError: If it is none of them.
        """
        if not -count <= axis < count:
            raise ModelFileError(f"axis {axis} is none of {count}")
        return axis % count

    def shapes(self, x: Any) -> list[tuple[int, ...]]:
        """Returns a shape, the batch's axis first, in each of the examples."""
        if not isinstance(x, SymbolicTensor):
            return [np.shape(x.formulas if isinstance(x, Sizes) else x)] * len(self.batches)
        places = [min(i, len(x.examples) - 1) for i in range(len(self.batches))]
        lead = [(batch,) if x.batched else () for batch in self.batches]
        return [(*first, *x.examples[place]) for first, place in zip(lead, places, strict=True)]


def axes_of(x: Any) -> list[Any]:
    """Returns the `Size` of each axis that is open; a number, or None for the batch's, of the others.

    Example:
        >>> axes_of(np.zeros((2, 3)))
        [2, 3]
    """
    if not isinstance(x, SymbolicTensor):
        return list(np.shape(x.formulas if isinstance(x, Sizes) else x))
    known = enumerate(x.shape)
    return [
        size if size is not None else None if x.batched and axis == 0 else Size("axis", x, axis)
        for axis, size in known
    ]


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


def with_weights(layer: Any, x: Any, weights: Sequence[Any] | Mapping[str, Any]) -> Any:
    """Returns what a layer makes of a value, once its weights are set.

    They are what the layer's weights begin with: so their shapes are compared before memory is taken.

    Args:
        layer: A new layer.
        x: The value.
        weights: Its weights, in its order; or by name, also in shapes of the same numbers, or fewer.

    Raises:
        ModelFileError: If their shapes do not suit the layer or the value.
    """
    rules = {name: rule for name, rule in vars(layer).items() if name.endswith("_initializer")}
    left = iter(weights)
    for name in rules:
        key = name.removesuffix("_initializer")
        begins = partial(_spread, weights[key]) if isinstance(weights, Mapping) else partial(_next, left)
        setattr(layer, name, begins)
    layer.build((None, *x.examples[0]) if isinstance(x, SymbolicTensor) else np.shape(x))
    layer._initialize()
    for name, rule in rules.items():
        setattr(layer, name, rule)
    return layer(x)


def _next(weights: Iterator[Any], shape: Sequence[int], dtype: Any = None) -> np.ndarray[Any, Any]:
    value = np.asarray(next(weights), np.float32)
    if value.shape != tuple(shape):
        raise ModelFileError(f"its weights of shape {value.shape} should have {tuple(shape)}")
    return value


def _spread(weight: Any, shape: Sequence[int], dtype: Any = None) -> np.ndarray[Any, Any]:
    value = np.asarray(weight, np.float32)
    if value.size == math.prod(shape):
        return value.reshape(shape)
    check_size(math.prod(shape), "a weight")
    return np.broadcast_to(value, shape)


def check_size(count: int, what: str, most: int = 2**24) -> None:
    """Refuses what would be too large, before memory is taken.

    Args:
        count: How many numbers it has.
        what: What it is.
        most: How many it may have.

    Raises:
        ModelFileError: If it has more.

    Example:
        >>> check_size(2**40, "a weight")
        Traceback (most recent call last):
        cnnfast.models.errors.ModelFileError: a weight would have 1099511627776 numbers; 16777216 are the most
    """
    if count > most:
        raise ModelFileError(f"{what} would have {count} numbers; {most} are the most")
