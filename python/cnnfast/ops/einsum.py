"""Einstein's sums: axes put in order around products of matrices, one for each operand but the first."""

from __future__ import annotations

import math
import string
from collections.abc import Sequence
from typing import Any, NoReturn

from cnnfast.layers.tracing import Value
from cnnfast.ops.axes import rearranged
from cnnfast.ops.matrices import matmul
from cnnfast.ops.operation import on_graph, operation
from cnnfast.ops.reductions import sum


def einsum(subscripts: str, *operands: Any) -> Any:
    """Returns sums of products, over the axes whose letters the result lacks.

    Args:
        subscripts: A letter for each axis, the batch's included: "bij,jk->bik"; "..." stands for those
            that have none, counted from the last. Without "->" the result has first those of "...", then, in
            alphabetical order, the letters that stand once.
        operands: Numbers, or what stands for them. They are multiplied from left to right.

    Raises:
        ValueError: If letters and shapes do not fit; a letter stands twice in one operand; there are others
            than letters; or samples of a batch would be added up.

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
    values: list[Value] = list(on_graph(*operands))[1:]
    letters, out = _parsed(subscripts, values)
    everything = out + "".join(letters)
    for i, own in enumerate(letters):
        alone = [each for each in own if everything.count(each) == 1]
        if alone:
            values[i] = sum(values[i], [own.index(each) for each in alone])
            letters[i] = "".join(each for each in own if each not in alone)
    while len(values) > 1:
        (a, b, *rest), (first, second, *others) = values, letters
        later = dict.fromkeys(out + "".join(others))
        made = "".join(each for each in later if each in first + second) if others else out
        values, letters = [_product(a, b, first, second, made), *rest], [made, *others]
    return _ordered(values[0], letters[0], out)


def _product(a: Value, b: Value, first: str, second: str, out: str) -> Value:
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
    if len(values) != len(letters):
        refuse("there must be as many groups of letters as operands")
    letters, dots = _without_dots(letters, [value.ndim for value in values])
    everything = "".join(letters)
    if not arrow:
        once = sorted(each for each in set(everything) if everything.count(each) == 1)
        out = "".join(["...", *(each for each in once if each not in dots)])
    out = out.replace("...", dots)
    if any(not each.isalpha() for each in everything + out):
        refuse("each axis needs a letter; there is nothing else but ',', '...' and '->'")
    for own, value in zip(letters, values, strict=True):
        if len(own) != value.ndim or len(set(own)) != len(own):
            refuse(f"{own!r} must be a letter for each axis of its operand, none twice")
        if value.rows and own[0] != out[:1]:
            refuse(f"{own[0]!r} is the batch's axis, which is the result's first and never summed over")
    if len(set(out)) != len(out) or not set(out) <= set(everything):
        refuse("each of the result's letters must be an operand's, and none stand twice")
    sizes: dict[str, int | None] = {}
    for own, value in zip(letters, values, strict=True):
        for each, size in zip(own, value.shape, strict=True):
            if sizes.setdefault(each, size) != size:
                refuse(f"axes of the letter {each!r} differ: {sizes[each]} and {size}")
    return letters, out


def _without_dots(groups: list[str], ranks: list[int]) -> tuple[list[str], str]:
    """Groups with letters that are free in place of "...", and all of these."""
    free = "".join(each for each in string.ascii_letters if each not in "".join(groups))
    counts = [max(rank - len(group.replace("...", "")), 0) for group, rank in zip(groups, ranks, strict=True)]
    most = max((count for group, count in zip(groups, counts, strict=True) if "..." in group), default=0)
    dots = free[:most]
    made = [group.replace("...", dots[most - count :]) for group, count in zip(groups, counts, strict=True)]
    return made, dots


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
