"""Branches and loops by Keras's names.

On arrays they run in Python. On what stands for arrays, where no number is known yet, both branches are
computed and one is chosen; loops are unrolled, which needs a count that is known.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.ops.joining import concatenate, stack
from cnnfast.ops.logic import less_equal, logical_and, where
from cnnfast.ops.slicing import unstack
from cnnfast.utils.arguments import whole_number
from cnnfast.utils.nest import leaves, mapped, packed


def _stands_for_one(x: Any) -> bool:
    return isinstance(x, (Value, SymbolicTensor))


def _chosen(condition: Any, first: Any, second: Any) -> Any:
    """Leaf by leaf, of two structures of one form."""
    one, other = leaves(first), leaves(second)
    if len(one) != len(other):
        raise ValueError(f"branches must return structures of one form, got {first!r} and {second!r}")
    return packed(first, [a if a is b else where(condition, a, b) for a, b in zip(one, other, strict=True)])


def cond(pred: Any, true_fn: Callable[[], Any], false_fn: Callable[[], Any]) -> Any:
    """Returns what one of two functions returns.

    Args:
        pred: Whether it is the first one: a number; or what stands for one, and then both are called.
        true_fn: A function without arguments.
        false_fn: Likewise; what it returns has the same form.

    Raises:
        ValueError: If what both return differs in form.

    Source:
        Keras 3, `keras.ops.cond`.

    Example:
        >>> cond(np.array(True), lambda: "yes", lambda: "no")
        'yes'
    """
    if _stands_for_one(pred):
        return _chosen(pred, true_fn(), false_fn())
    return true_fn() if pred else false_fn()


def switch(index: Any, branches: Sequence[Callable[..., Any]], *operands: Any) -> Any:
    """Returns what one of several functions makes of the operands.

    Args:
        index: Which; below 0 it is the first, and beyond the last the last. A number; or what stands for one,
            and then all are called.
        branches: The functions; what they return has the same form.
        operands: What they are called with.

    Raises:
        ValueError: If what they return differs in form, or there is none.

    Source:
        Keras 3, `keras.ops.switch`.

    Example:
        >>> switch(1, [lambda x: x + 1, lambda x: x - 1], 5)
        4
    """
    if not branches:
        raise ValueError("switch needs at least one branch")
    if not _stands_for_one(index):
        return branches[min(max(int(index), 0), len(branches) - 1)](*operands)
    made = [branch(*operands) for branch in branches]
    chosen = made[-1]
    for place in reversed(range(len(made) - 1)):
        chosen = _chosen(less_equal(index, float(place)), made[place], chosen)
    return chosen


def while_loop(
    cond: Callable[..., Any], body: Callable[..., Any], loop_vars: Any, maximum_iterations: int | None = None
) -> Any:
    """Returns what variables are after a function was called on them again and again.

    Args:
        cond: Whether to go on; called with the variables.
        body: Returns the variables' next values.
        loop_vars: The first ones. A tuple or list of them are several arguments, all else is one.
        maximum_iterations: How often at most. It must be given where `cond` returns what stands for a number;
            the loop is then unrolled as often, and its results are kept as soon as that is 0.

    Raises:
        ValueError: If it is not known how often.

    Source:
        Keras 3, `keras.ops.while_loop`.

    Example:
        >>> while_loop(lambda x: x < 10, lambda x: x + 4, 0)
        12
    """
    several = isinstance(loop_vars, (tuple, list))
    limit = None if maximum_iterations is None else whole_number(maximum_iterations, "maximum_iterations", 0)
    now, count, going = loop_vars, 0, True
    while count != limit:
        on = cond(*now) if several else cond(now)
        if not _stands_for_one(on):
            if not on:
                break
        elif limit is None:
            raise ValueError(
                "while_loop: whether to go on is not known while the function is traced; give "
                "maximum_iterations, or use fori_loop with a number of your own"
            )
        made = body(*now) if several else body(now)
        if several and not isinstance(made, (tuple, list)):
            made = (made,)
        if _stands_for_one(on) or going is not True:
            going = on if going is True else logical_and(going, on)
            made = packed(now, leaves(_chosen(going, made, now)))
        now, count = made, count + 1
    return now


def fori_loop(lower: int, upper: int, body_fun: Callable[[int, Any], Any], init_val: Any) -> Any:
    """Returns what a value is after a function was called on it for each number from `lower` on.

    Args:
        lower: The first number.
        upper: The one after the last.
        body_fun: Called with the number and the value; returns the next value.
        init_val: The first value.

    Raises:
        TypeError: If a bound only stands for a number: the loop is unrolled.

    Source:
        Keras 3, `keras.ops.fori_loop`.

    Example:
        >>> fori_loop(1, 4, lambda i, x: x * i, 1)
        6
    """
    for i in range(int(lower), int(upper)):
        init_val = body_fun(i, init_val)
    return init_val


def scan(
    f: Callable[[Any, Any], Any],
    init: Any,
    xs: Any = None,
    length: int | None = None,
    reverse: bool = False,
    unroll: int | bool = 1,
) -> tuple[Any, Any]:
    """Returns what is carried through calls along the first axis, and what the calls return, stacked.

    Args:
        f: Called with what is carried and with a part of xs; returns what to carry on, and a result.
        init: What is carried first.
        xs: Arrays, or what stands for them, in any structure, equally long along their first axis, which may
            not be the batch's; or None, then f gets None.
        length: How often f is called, if xs does not tell.
        reverse: Whether it begins with the last one; the results stay in the order of xs.
        unroll: Keras's argument; all is unrolled.

    Returns:
        (what was carried last, the results).

    Raises:
        TypeError: If f cannot be called.
        ValueError: If lengths differ or none is told, or unroll is no bool or number above 0.

    Source:
        Keras 3, `keras.ops.scan`.

    Example:
        >>> last, sums = scan(lambda total, x: (total + x, total + x), 0.0, np.array([1.0, 2.0, 3.0]))
        >>> float(last), sums.tolist()
        (6.0, [1.0, 3.0, 6.0])
    """
    if not callable(f):
        raise TypeError(f"scan needs a function to call, got {f!r}")
    if not isinstance(unroll, bool):
        whole_number(unroll, "unroll", 1)
    if xs is None and length is None:
        raise ValueError("scan needs xs to go along, or length")
    rows = [None] * whole_number(length, "length", 0) if xs is None else _rows(xs, 0)
    if length not in (None, len(rows)):
        raise ValueError(f"length must be None or {len(rows)}, as long as xs is; got {length}")
    results = []
    for row in reversed(rows) if reverse else rows:
        init, result = f(init, row)
        results.append(result)
    return init, _stacked(results[::-1] if reverse else results)


def _rows(xs: Any, axis: int) -> list[Any]:
    """The structure at each place of an axis."""
    parts = [_parts(each, axis) for each in leaves(xs)]
    if len({len(each) for each in parts}) != 1:
        raise ValueError(f"axes must be equally long, got {[len(each) for each in parts]} along axis {axis}")
    return [packed(xs, row) for row in zip(*parts, strict=True)]


def _parts(x: Any, axis: int) -> list[Any]:
    if _stands_for_one(x):
        return list(unstack(x, axis=axis))
    return list(np.moveaxis(np.asarray(x), axis, 0))


def _stacked(results: Sequence[Any], axis: int = 0) -> Any:
    if not results or results[0] is None:
        return None
    columns = zip(*(leaves(each) for each in results), strict=True)
    return packed(results[0], [stack(column, axis) for column in columns])


def map(f: Callable[[Any], Any], xs: Any) -> Any:
    """Returns what a function makes of each place of the first axis, stacked.

    Args:
        f: Called with a part of xs.
        xs: As for `scan`.

    Raises:
        ValueError: If lengths differ, or the axis is the batch's: functions of `cnnfast.ops` take all samples
            at once.

    Source:
        Keras 3, `keras.ops.map`.

    Example:
        >>> map(lambda x: x**2, np.array([1.0, 2.0, 3.0]))
        array([1., 4., 9.], dtype=float32)
    """
    return _stacked([f(row) for row in _rows(xs, 0)])


def vectorized_map(function: Callable[[Any], Any], elements: Any) -> Any:
    """Returns `map(function, elements)`.

    Args:
        function: Called with a part of the elements.
        elements: As for `scan`.

    Source:
        Keras 3, `keras.ops.vectorized_map`.

    Example:
        >>> vectorized_map(lambda x: x + 1, np.array([1.0, 2.0]))
        array([2., 3.], dtype=float32)
    """
    return map(function, elements)


def associative_scan(f: Callable[[Any, Any], Any], elems: Any, reverse: bool = False, axis: int = 0) -> Any:
    """Returns what all places up to each one of an axis make together.

    Formula: y[0] = x[0], y[i] = f(y[i - 1], x[i]); in log n calls on many places each, for which
    f(f(a, b), c) must be f(a, f(b, c))

    Args:
        f: Called with two structures as elems; returns one.
        elems: Arrays, or what stands for them, in any structure, equally long along the axis.
        reverse: Whether it begins with the last place.
        axis: The axis, which may not be the batch's.

    Raises:
        TypeError: If f cannot be called.
        ValueError: If lengths differ, or the axis is the batch's.

    Source:
        Keras 3, `keras.ops.associative_scan`; Hillis and Steele, Data Parallel Algorithms, 1986.

    Example:
        >>> associative_scan(lambda a, b: a + b, np.array([1.0, 2.0, 3.0]))
        array([1., 3., 6.], dtype=float32)
    """
    if not callable(f):
        raise TypeError(f"associative_scan needs a function to call, got {f!r}")
    elems = mapped(lambda x: x if hasattr(x, "shape") else np.asarray(x), elems)
    lengths = {each.shape[axis] for each in leaves(elems)}
    if len(lengths) != 1 or None in lengths:
        raise ValueError(f"axis {axis} must be equally long in all and known in advance, got {lengths}")
    (length,), rank = lengths, len(leaves(elems)[0].shape)

    def part(structure: Any, begin: int | None, end: int | None) -> Any:
        key = (*(slice(None),) * (axis % rank), slice(begin, end))
        return mapped(lambda x: x[key], structure)

    distance = 1
    while distance < length:
        near, far = (None, -distance), (distance, None)
        first, second = (far, near) if reverse else (near, far)
        joined = f(part(elems, *first), part(elems, *second))
        kept = part(elems, -distance, None) if reverse else part(elems, None, distance)
        pairs = zip(leaves(joined), leaves(kept), strict=True)
        elems = packed(elems, [concatenate([a, b] if reverse else [b, a], axis) for a, b in pairs])
        distance *= 2
    return elems
