"""Einstein's sums of one or two operands: axes put in order around one product of matrices."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, NoReturn

from cnnfast.layers.tracing import Value
from cnnfast.ops.axes import rearranged
from cnnfast.ops.matrices import matmul
from cnnfast.ops.operation import on_graph, operation


def einsum(subscripts: str, *operands: Any) -> Any:
    """Returns sums of products, over the axes whose letters the result lacks.

    Args:
        subscripts: A letter for each axis, the batch's included: "bij,jk->bik". Without "->" the result has,
            in alphabetical order, the letters that stand once.
        operands: One or two: numbers, or what stands for them.

    Raises:
        ValueError: If letters and shapes do not fit; a letter stands twice in one operand, or is summed over
            in one alone; there are others than letters; or samples of a batch would be added up.

    Source:
        Keras 3, `keras.ops.einsum`; NumPy's meaning.

    Example:
        >>> einsum("ij,kj->ki", [[1.0, 2.0], [3.0, 4.0]], [[10.0, 1.0]])
        array([[12., 34.]], dtype=float32)
    """
    return sum_of_products(operands, subscripts)


@operation("*operands")
def sum_of_products(operands: Sequence[Any], subscripts: str) -> Any:
    """Returns `einsum(subscripts, *operands)`."""
    values = list(on_graph(*operands))[1:]
    letters, out = _parsed(subscripts, values)
    if len(values) == 1:
        return _ordered(values[0], letters[0], out)
    (a, b), (first, second) = values, letters
    if b.rows and second[0] not in first:
        (a, b), (first, second) = (b, a), (second, first)
    sizes = {**_sizes(a, first), **_sizes(b, second)}
    lead = first[0] if a.rows else ""
    shared = [each for each in out if each in first and each in second and each != lead]
    rows = [each for each in first if each not in second and each != lead]
    columns = [each for each in second if each not in first]
    summed = [each for each in first if each in second and each not in out]
    left = _matrix(a, first, lead, sizes, shared, rows, summed)
    right = _matrix(b, second, lead if b.rows else "", sizes, shared, summed, columns)
    made = [*shared, *rows, *columns]
    product = rearranged(matmul(left, right), [sizes[each] for each in made])
    return _ordered(product, [*lead, *made], out)


def _parsed(subscripts: str, values: list[Value]) -> tuple[list[str], str]:
    """The letters of operands and result, checked but for the batch's."""

    def refuse(why: str) -> NoReturn:
        shapes = ", ".join(str(value.shape) for value in values)
        raise ValueError(f"ops.einsum: {subscripts!r} of shapes {shapes}: {why}")

    given, arrow, out = subscripts.replace(" ", "").partition("->")
    letters = given.split(",")
    everything = "".join(letters)
    if not arrow:
        out = "".join(sorted(each for each in set(everything) if everything.count(each) == 1))
    if not (len(values) == len(letters) <= 2):
        refuse("there must be one or two operands, and as many groups of letters")
    if any(not each.isalpha() for each in everything + out):
        refuse("each axis needs a letter; there is nothing else but ',' and '->'")
    for own, value in zip(letters, values, strict=True):
        if len(own) != value.ndim or len(set(own)) != len(own):
            refuse(f"{own!r} must be a letter for each axis of its operand, none twice")
        if value.rows and own[0] != out[:1]:
            refuse(f"{own[0]!r} is the batch's axis, which is the result's first and never summed over")
        alone = [each for each in own if everything.count(each) == 1 and each not in out]
        if alone:
            refuse(f"{alone[0]!r} is of one operand alone; sum over it first")
    if len(set(out)) != len(out) or not set(out) <= set(everything):
        refuse("each of the result's letters must be an operand's, and none stand twice")
    sizes = [{own[i]: size for i, size in enumerate(v.shape)} for own, v in zip(letters, values, strict=True)]
    unlike = [each for each in sizes[0] if each in sizes[-1] and sizes[0][each] != sizes[-1][each]]
    if unlike:
        refuse(f"axes of the letter {unlike[0]!r} differ: {sizes[0][unlike[0]]} and {sizes[-1][unlike[0]]}")
    return letters, out


def _sizes(x: Value, letters: str) -> dict[str, int]:
    """Of the axes without the batch's."""
    return dict(zip(letters[1 if x.rows else 0 :], x.dims, strict=True))


def _matrix(
    x: Value,
    letters: str,
    lead: str,
    sizes: dict[str, int],
    shared: list[str],
    rows: list[str],
    columns: list[str],
) -> Value:
    """The operand with the axes (shared..., rows, columns) behind the batch's."""
    own = letters[len(lead) :]
    order = [own.index(each) for each in (*shared, *rows, *columns)]
    ends = [math.prod(sizes[each] for each in group) for group in (rows, columns)]
    return rearranged(x, [*(sizes[each] for each in shared), *ends], order)


def _ordered(x: Value, letters: Sequence[str], out: str) -> Value:
    """The value with its axes in the order of the result's letters; the batch's is first in both."""
    offset = 1 if x.rows else 0
    order = [list(letters).index(each) - offset for each in out[offset:]]
    return rearranged(x, [x.dims[i] for i in order], order)
