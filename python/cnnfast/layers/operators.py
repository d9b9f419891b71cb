"""Python's operators on what stands for an array: each is the function of `cnnfast.ops` with Keras's name."""

from __future__ import annotations

from typing import Any, NoReturn


def apply(name: str, *arguments: Any) -> Any:
    """Calls a function of `cnnfast.ops`.

    Example:
        >>> apply("relu", [-1.0])
        array([0.], dtype=float32)
    """
    from cnnfast import ops

    return getattr(ops, name)(*arguments)


class Operators:
    """Arithmetic, comparisons and indexing."""

    __slots__ = ()

    def __add__(self, other: Any) -> Any:
        return apply("add", self, other)

    def __radd__(self, other: Any) -> Any:
        return apply("add", other, self)

    def __sub__(self, other: Any) -> Any:
        return apply("subtract", self, other)

    def __rsub__(self, other: Any) -> Any:
        return apply("subtract", other, self)

    def __mul__(self, other: Any) -> Any:
        return apply("multiply", self, other)

    def __rmul__(self, other: Any) -> Any:
        return apply("multiply", other, self)

    def __truediv__(self, other: Any) -> Any:
        return apply("true_divide", self, other)

    def __rtruediv__(self, other: Any) -> Any:
        return apply("true_divide", other, self)

    def __floordiv__(self, other: Any) -> Any:
        return apply("floor_divide", self, other)

    def __rfloordiv__(self, other: Any) -> Any:
        return apply("floor_divide", other, self)

    def __mod__(self, other: Any) -> Any:
        return apply("mod", self, other)

    def __rmod__(self, other: Any) -> Any:
        return apply("mod", other, self)

    def __pow__(self, other: Any) -> Any:
        return apply("power", self, other)

    def __rpow__(self, other: Any) -> Any:
        return apply("power", other, self)

    def __matmul__(self, other: Any) -> Any:
        return apply("matmul", self, other)

    def __rmatmul__(self, other: Any) -> Any:
        return apply("matmul", other, self)

    def __neg__(self) -> Any:
        return apply("negative", self)

    def __abs__(self) -> Any:
        return apply("absolute", self)

    def __lt__(self, other: Any) -> Any:
        return apply("less", self, other)

    def __le__(self, other: Any) -> Any:
        return apply("less_equal", self, other)

    def __gt__(self, other: Any) -> Any:
        return apply("greater", self, other)

    def __ge__(self, other: Any) -> Any:
        return apply("greater_equal", self, other)

    def __and__(self, other: Any) -> Any:
        return apply("logical_and", self, other)

    def __or__(self, other: Any) -> Any:
        return apply("logical_or", self, other)

    def __invert__(self) -> Any:
        return apply("logical_not", self)

    def __getitem__(self, key: Any) -> Any:
        return apply("get_item", self, key)


# NumPy's functions behind operators, which act where an array stands before the operator.
_OF_OPERATORS = {
    name: name
    for name in (
        *("add", "subtract", "multiply", "divide", "true_divide", "floor_divide", "power", "matmul"),
        *("equal", "not_equal", "less", "less_equal", "greater", "greater_equal"),
    )
} | {"remainder": "mod", "bitwise_and": "logical_and", "bitwise_or": "logical_or"}


class Unknown(Operators):
    """Base of what has no numbers yet: it takes part in NumPy's operators, and refuses its functions."""

    __slots__ = ()

    def __array_ufunc__(self, ufunc: Any, method: str, *inputs: Any, **options: Any) -> Any:
        name = ufunc.__name__
        if name not in _OF_OPERATORS or method != "__call__" or options:
            from cnnfast import ops

            ours = name if hasattr(ops, name) else "numpy_function"
            self._refuse(f"give it to numpy.{name}", f"use cnnfast.ops.{ours} in its place")
        return apply(_OF_OPERATORS[name], *inputs)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NoReturn:
        self._refuse("make an array of it", "use the function of cnnfast.ops in place of NumPy's")

    def _refuse(self, what: str, instead: str) -> NoReturn:
        """Raises an error that tells what cannot be, and what can."""
        raise NotImplementedError
