"""Formulas of sizes that are not known, through the arithmetic that networks do with them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnfast.io.onnx.node import Sizes
from cnnfast.io.onnx.reading import required
from cnnfast.layers.sizes import Size, computed

# Operators that put numbers at other places: all that is needed is where each comes from.
_MOVES = (
    *("Concat", "Expand", "Flatten", "Gather", "Identity", "Reshape", "Slice", "Split", "Squeeze", "Tile"),
    *("Transpose", "Unsqueeze"),
)
_WORDS = {
    "Add": "add",
    "Ceil": "ceil",
    "Div": "div",
    "Floor": "floor",
    "Max": "max",
    "Min": "min",
    "Mod": "mod",
    "Mul": "mul",
    "Sub": "sub",
}
Run = Callable[[list[Any]], list[Any]]


def formulas(proto: Any, inputs: Sequence[Any], run: Run) -> list[Any] | None:
    """Returns the formulas of what a node makes, an array for each output; None if there are none.

    Args:
        proto: The node.
        inputs: Arrays, `Sizes`, or None.
        run: What the node makes of arrays.
    """
    given = [each.formulas if isinstance(each, Sizes) else each for each in inputs]
    op = proto.op_type
    if op in _MOVES:
        return _moved(given, len(given) if op == "Concat" else 1, run)
    if op in _WORDS:
        return [_each(_WORDS[op], *given)]
    if op == "Cast":
        (to,) = (each.i for each in proto.attribute if each.name == "to")
        whole = np.dtype(required().helper.tensor_dtype_to_np_dtype(to)).kind in "iu"
        return [_each("int" if whole else "float", *given)]
    if op == "Where" and not isinstance(inputs[0], Sizes):
        return [np.where(*(np.asarray(each) if i == 0 else _objects(each) for i, each in enumerate(given)))]
    return None


def _objects(value: Any) -> np.ndarray[Any, Any]:
    return np.asarray(value).astype(object)


def _each(word: str, *operands: Any) -> np.ndarray[Any, Any]:
    made = np.frompyfunc(lambda *each: computed(word, *each), len(operands), 1)(*map(_objects, operands))
    return np.asarray(made, object)


def _moved(given: list[Any], count: int, run: Run) -> list[Any]:
    pool = np.concatenate([np.ravel(_objects(each)) for each in given[:count]])
    places, begin = [], 0
    for each in given[:count]:
        size = np.size(each)
        places.append(np.arange(begin, begin + size, dtype=np.int64).reshape(np.shape(each)))
        begin += size
    return [
        None if each is None else np.asarray(pool[each], object) for each in run([*places, *given[count:]])
    ]


def agree(formula: Any, examples: Sequence[Any]) -> bool:
    """Whether a formula says what is there in the examples."""
    said = formula.examples() if isinstance(formula, Size) else [formula]
    return all(said[min(i, len(said) - 1)] == each for i, each in enumerate(examples))
