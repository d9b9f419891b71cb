"""Sizes that are not known before a model meets its input, and what is computed of them.

An `Operation` may have them among its arguments, as {"size": formula}: whenever it is traced, the formula
says which number stands there. A formula is a number, or a list of a word and its operands: ["axis", 1, 2] is
the size of axis 2 of the second input, the batch's axis counted, ["sub", a, b] a difference.
"""

from __future__ import annotations

import math
import operator
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

_KEY = "size"


def _quotient(a: Any, b: Any) -> Any:
    """Of whole numbers cut off towards 0, as ONNX has it."""
    if isinstance(a, np.floating) or isinstance(b, np.floating):
        return a / b
    return abs(a) // abs(b) * (1 if (a < 0) == (b < 0) else -1)


_WORDS: dict[str, Callable[..., Any]] = {
    "add": operator.add,
    "ceil": np.ceil,
    "div": _quotient,
    "float": np.float32,
    "floor": np.floor,
    "int": int,
    "max": max,
    "min": min,
    "mod": operator.mod,
    "mul": operator.mul,
    "sub": operator.sub,
}


class Size:
    """A size that depends on those of symbolic tensors.

    Args:
        word: "axis", or a word of formulas.
        operands: A symbolic tensor and its axis; or numbers and other sizes.

    Example:
        >>> from cnnfast.layers import Input
        >>> height = Size("axis", Input((None, None, 3)), 1)
        >>> Size("sub", height, 1).examples()
        [255, 319]
    """

    def __init__(self, word: str, *operands: Any) -> None:
        self.word, self.operands = word, operands

    def formula(self, place: Callable[[Any], int]) -> list[Any]:
        """Returns the formula.

        Args:
            place: Which of an operation's inputs a symbolic tensor is.
        """
        if self.word == "axis":
            return ["axis", place(self.operands[0]), self.operands[1]]
        return [
            self.word,
            *(each.formula(place) if isinstance(each, Size) else each for each in self.operands),
        ]

    def tensors(self) -> list[Any]:
        """Returns the symbolic tensors whose sizes it depends on."""
        if self.word == "axis":
            return [self.operands[0]]
        return [found for each in self.operands if isinstance(each, Size) for found in each.tensors()]

    def examples(self) -> list[Any]:
        """Returns what it is in each of the examples of shapes."""
        found = list(dict.fromkeys(self.tensors()))
        formula = self.formula(found.index)
        count = max(len(each.examples) for each in found)
        shapes = [[(None, *t.examples[min(i, len(t.examples) - 1)]) for t in found] for i in range(count)]
        return [_value(formula, each) for each in shapes]


def computed(word: str, *operands: Any) -> Any:
    """Returns what a word makes of numbers and sizes: a number, where it is known at once.

    Args:
        word: A word of formulas.
        operands: Numbers and sizes; None for one that no formula tells, which makes None of all.

    Example:
        >>> computed("add", 1, 2), computed("add", None, 2)
        (3, None)
    """
    if any(each is None for each in operands):
        return None
    if any(isinstance(each, Size) for each in operands):
        return Size(word, *operands)
    return _value([word, *operands], ())


def with_sizes(argument: Any, shapes: Sequence[Sequence[Any]]) -> Any:
    """Returns an argument in which formulas of sizes are the numbers that they say.

    Args:
        argument: Numbers, texts, lists, dicts.
        shapes: Of an operation's inputs, the batch's axis first.

    Raises:
        ValueError: If there is no such formula.

    Example:
        >>> with_sizes([None, {"size": ["div", ["axis", 0, 2], 2]}], [(None, 3, 9)])
        [None, 4]
    """
    if isinstance(argument, dict) and argument.keys() == {_KEY}:
        found = _value(argument[_KEY], shapes)
        return float(found) if isinstance(found, np.floating) else int(found)
    if isinstance(argument, (list, tuple)):
        return type(argument)(with_sizes(each, shapes) for each in argument)
    return argument


def written(size: Size, place: Callable[[Any], int]) -> dict[str, Any]:
    """Returns a size as an argument has it.

    Args:
        size: The size.
        place: Which of an operation's inputs a symbolic tensor is.

    Example:
        >>> written(Size("axis", "x", 1), ["x"].index)
        {'size': ['axis', 0, 1]}
    """
    return {_KEY: size.formula(place)}


def _value(formula: Any, shapes: Sequence[Sequence[Any]]) -> Any:
    if isinstance(formula, float):
        return np.float32(formula)
    if not isinstance(formula, list):
        return formula
    word, operands = str(formula[0]) if formula else "", formula[1:]
    try:
        if word == "axis":
            return shapes[operands[0]][operands[1]]
        made = _WORDS[word](*(_value(each, shapes) for each in operands))
    except (KeyError, IndexError, TypeError, ZeroDivisionError) as error:
        raise ValueError(f"there is no size {formula!r} of the shapes {list(map(tuple, shapes))}") from error
    if not math.isfinite(made):
        raise ValueError(f"the size {formula!r} is not finite for the shapes {list(map(tuple, shapes))}")
    return made
