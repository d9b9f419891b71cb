"""Functions of PyTorch that are one function of `ops`, or a few."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnfast import ops
from cnnfast.io import torch_modules
from cnnfast.io.torch_making import NotConvertedError, turned
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    Word = Callable[..., Any]


class Found(NamedTuple):
    """Values and where they were found, as PyTorch names them.

    Attributes:
        values: The values.
        indices: Their places along the axis.
    """

    values: Any
    indices: Any


def _axes(dim: Any) -> Any:
    return None if dim is None else list(leaves(dim)) if isinstance(dim, (tuple, list)) else dim


def _reduced(word: Word) -> Word:
    def reduce(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
        return word(x, _axes(dim), keepdims=keepdim)

    return reduce


def _spread(word: Word, root: bool) -> Word:
    """Variance or deviation: PyTorch divides by one less than the count."""

    def reduce(
        x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, correction: Any = None
    ) -> Any:
        axes = range(x.ndim) if dim is None else [axis % x.ndim for axis in leaves(dim)]
        if x.batched and 0 in axes:
            raise NotConvertedError("over samples")
        less = (1 if unbiased else 0) if correction is None else correction
        count = math.prod(x.shape[axis] for axis in axes)
        made, factor = word(x, list(axes), keepdims=keepdim), count / (count - less)
        return made * (math.sqrt(factor) if root else factor)

    return reduce


def _extreme(of_one: Word, of_two: Word, place: Word) -> Word:
    """`max` and `min`: of a tensor, along an axis with the places, or of two tensors."""

    def reduce(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, (SymbolicTensor, np.ndarray)):
            return of_two(x, dim)
        largest = of_one(x, dim, keepdims=keepdim)
        return largest if dim is None else Found(largest, place(x, dim, keepdims=keepdim))

    return reduce


def _divided(x: Any, other: Any, rounding_mode: str | None = None) -> Any:
    if rounding_mode not in (None, "floor"):
        raise NotConvertedError(f"with rounding_mode={rounding_mode!r}")
    return ops.floor_divide(x, other) if rounding_mode else ops.true_divide(x, other)


def _permuted(x: Any, *dims: Any, **named: Any) -> Any:
    return turned(x, [axis % x.ndim for axis in leaves([*dims, *named.values()])])


def _swapped(x: Any, dim0: int, dim1: int) -> Any:
    order = list(range(x.ndim))
    order[dim0], order[dim1] = order[dim1], order[dim0]
    return turned(x, order)


def _moved(x: Any, source: Any, destination: Any) -> Any:
    order = np.moveaxis(np.empty(range(x.ndim)), source, destination).shape
    return turned(x, order)


def _chunks(x: Any, chunks: int, dim: int = 0) -> Any:
    return _pieces(x, -(-x.shape[dim] // chunks), dim)


def _pieces(x: Any, split_size: Any, dim: int = 0) -> Any:
    """Pieces of a size, the last one smaller; or of several sizes."""
    total = x.shape[dim]
    if isinstance(split_size, (tuple, list)):
        ends = np.cumsum(split_size)[:-1].tolist()
    else:
        ends = list(range(split_size, total, split_size))
    return tuple(ops.split(x, ends, dim)) if ends else (x,)


def _squeezed(x: Any, dim: Any = None) -> Any:
    given = range(x.ndim) if dim is None else [axis % x.ndim for axis in leaves(dim)]
    axes = [axis for axis in given if axis >= x.batched and x.shape[axis] == 1]
    return ops.squeeze(x, axes) if axes else x


def _clipped(x: Any, min: Any = None, max: Any = None) -> Any:
    if min is None or max is None:
        return ops.minimum(x, max) if min is None else ops.maximum(x, min)
    return ops.clip(x, min, max)


def _normalized(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    return torch_modules.normalized(x, dim, eps, p)


def _padded(x: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    return torch_modules.pad(x, pad, mode, value)


def _one_hot(x: Any, num_classes: int = -1) -> Any:
    if num_classes < 1:
        raise NotConvertedError("without num_classes")
    return ops.one_hot(x, num_classes)


def _item(x: Any, key: Any) -> Any:
    """x[key], where one part of the key may be a list or an array of numbers, or of conditions on an axis."""
    if not isinstance(x, SymbolicTensor):
        return x[key]
    given = list(key) if isinstance(key, tuple) else [key]
    lists = [place for place, each in enumerate(given) if isinstance(each, (tuple, np.ndarray))]
    if not lists:
        return x[tuple(int(each) if isinstance(each, np.integer) else each for each in given)]
    if isinstance(key, tuple) and all(isinstance(each, int) for each in key):
        return x[key]
    known = sum(each is not None and each is not ... for each in given)
    if len(lists) > 1 or any(each is None for each in given[: lists[0]]):
        raise NotConvertedError("by several lists of numbers; pick by one at a time")
    if ... in given[: lists[0]]:
        at = given.index(...)
        given[at : at + 1] = [slice(None)] * (x.ndim - known)
        lists = [lists[0] + x.ndim - known - 1]
    numbers: Any = np.asarray(given[lists[0]])
    numbers = np.flatnonzero(numbers) if numbers.dtype == bool and numbers.ndim == 1 else numbers
    if numbers.dtype == bool:
        raise NotConvertedError("by conditions on several axes, whose count is not known")
    made = ops.take(x, numbers % x.shape[lists[0]], lists[0])
    given[lists[0] : lists[0] + 1] = [slice(None)] * numbers.ndim
    return made[tuple(given)]


def _selected(x: Any, dim: int, index: Any) -> Any:
    return _item(x, (*(slice(None),) * (dim % x.ndim), index))


def _narrowed(x: Any, dim: int, start: int, length: int) -> Any:
    return _selected(x, dim, slice(start, start + length))


def _sorted(x: Any, dim: int = -1, descending: bool = False, stable: bool = False) -> Any:
    places = ops.argsort(-x if descending else x, dim)
    return Found(ops.take_along_axis(x, places, dim), places)


def _topmost(x: Any, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> Any:
    if dim % x.ndim != x.ndim - 1:
        raise NotConvertedError(f"along axis {dim}; only the last has a counterpart")
    values, places = ops.top_k(x if largest else -x, k)
    return Found(values if largest else -values, places)


def _normed(x: Any, p: Any = 2, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    """The norm of what lies along the axes, one vector."""
    if dim is None:
        raise NotConvertedError("over samples; give dim")
    p, size = 2 if p in ("fro", None) else p, ops.absolute(x)
    if p in (math.inf, -math.inf):
        return (ops.amax if p > 0 else ops.amin)(size, _axes(dim), keepdims=keepdim)
    if p == 2:
        return ops.sqrt(ops.sum(ops.square(x), _axes(dim), keepdims=keepdim))
    return ops.power(ops.sum(ops.power(size, p), _axes(dim), keepdims=keepdim), 1 / p)


def _matrix_normed(x: Any, ord: Any = None, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
    if ord not in (None, "fro") and not isinstance(dim, int):
        raise NotConvertedError(f"with ord={ord!r} of matrices")
    return _normed(x, ord, dim, keepdim)


def _rms_normed(x: Any, normalized_shape: Any, weight: Any = None, eps: float | None = None) -> Any:
    axes = list(range(-len(normalized_shape), 0))
    mean = ops.mean(ops.square(x), axes, keepdims=True)
    made = x * ops.rsqrt(mean + (torch_modules.EPSILON if eps is None else eps))
    return made if weight is None else made * weight


def _gathered(x: Any, dim: int, index: Any) -> Any:
    if not isinstance(index, SymbolicTensor):
        raise NotConvertedError("by constants; index_select picks the same of all samples")
    return ops.take_along_axis(x, index, dim)


def _repeated_each(x: Any, repeats: int, dim: Any = None, output_size: Any = None) -> Any:
    if dim is None:
        raise NotConvertedError("over samples; give dim")
    return ops.repeat(x, repeats, dim)


def _added_product(x: Any, one: Any, other: Any, *, beta: float = 1, alpha: float = 1) -> Any:
    return beta * x + alpha * ops.matmul(one, other)


_RENAMED = {
    "neg": "negative", "negative": "negative", "abs": "absolute", "sub": "subtract", "isub": "subtract",
    "mul": "multiply", "imul": "multiply", "multiply": "multiply", "subtract": "subtract",
    "floordiv": "floor_divide", "floor_divide": "floor_divide", "mod": "mod", "remainder": "mod",
    "pow": "power", "matmul": "matmul", "bmm": "matmul", "mm": "matmul",
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal", "logical_and": "logical_and", "logical_or": "logical_or",
    "logical_not": "logical_not", "and_": "logical_and", "or_": "logical_or", "invert": "logical_not",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "special_erf": "erf",
    "special_expm1": "expm1", "unsqueeze": "expand_dims", "detach": "stop_gradient", "where": "where",
    "maximum": "maximum",
    "minimum": "minimum", "einsum": "einsum", "zeros_like": "zeros_like", "ones_like": "ones_like",
    "tril": "tril", "triu": "triu", "cumsum": "cumsum", "cumprod": "cumprod", "nan_to_num": "nan_to_num",
    "isnan": "isnan", "isinf": "isinf", "isfinite": "isfinite", "argsort": "argsort", "tile": "tile",
    "hypot": "hypot", "logaddexp": "logaddexp", "outer": "outer", "full_like": "full_like",
    "fmod": "fmod", "fmax": "fmax", "fmin": "fmin", "heaviside": "heaviside", "rot90": "rot90",
    "xor": "logical_xor",
}  # fmt: skip
_SAME = (
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "square", "reciprocal", "sign",
    "floor", "ceil", "round", "trunc", "sin", "cos", "tan", "sinh", "cosh", "erf", "erfc",
)  # fmt: skip

WORDS: dict[str, Word] = {
    **{name: getattr(ops, word) for name, word in _RENAMED.items()},
    **{name: getattr(ops, name) for name in _SAME},
    **dict.fromkeys(("div", "truediv", "itruediv", "divide", "true_divide"), _divided),
    "rsub": lambda x, other: ops.subtract(other, x),
    **{name: _reduced(getattr(ops, name)) for name in ("sum", "mean", "prod", "logsumexp")},
    **{name: _reduced(getattr(ops, name)) for name in ("amax", "amin", "argmax", "argmin", "any", "all")},
    "var": _spread(ops.var, root=False),
    "std": _spread(ops.std, root=True),
    "max": _extreme(ops.max, ops.maximum, ops.argmax),
    "min": _extreme(ops.min, ops.minimum, ops.argmin),
    "clamp": _clipped,
    "clip": _clipped,
    "clamp_min": lambda x, min: ops.maximum(x, min),
    "clamp_max": lambda x, max: ops.minimum(x, max),
    "permute": _permuted,
    **dict.fromkeys(("transpose", "swapaxes", "swapdims"), _swapped),
    **dict.fromkeys(("movedim", "moveaxis"), _moved),
    "t": lambda x: _swapped(x, 0, 1),
    "unflatten": torch_modules.unflatten,
    "masked_fill": lambda x, mask, value: ops.where(mask, value, x),
    "select": _selected,
    "index_select": _selected,
    "narrow": _narrowed,
    "gather": _gathered,
    "take_along_dim": lambda x, indices, dim: _gathered(x, dim, indices),
    "sort": _sorted,
    "topk": _topmost,
    "norm": _normed,
    "linalg_norm": _matrix_normed,
    "linalg_vector_norm": lambda x, ord=2, *args, **named: _normed(x, ord, *args, **named),
    "pairwise_distance": lambda x, other, p=2.0, eps=1e-6, keepdim=False: _normed(
        x - other + eps, p, -1, keepdim
    ),
    "unfold": lambda x, *args, **named: ops.unfold(x, *args, **named),
    "fold": lambda x, *args, **named: ops.fold(x, *args, **named),
    "rms_norm": _rms_normed,
    "frac": lambda x: x - ops.trunc(x),
    "diff": lambda x, n=1, dim=-1: ops.diff(x, n, dim),
    "repeat_interleave": _repeated_each,
    "cosine_similarity": torch_modules.cosine_similarity,
    "lerp": lambda x, end, weight: x + weight * (end - x),
    "addcmul": lambda x, one, other, *, value=1: x + value * one * other,
    "addcdiv": lambda x, one, other, *, value=1: x + value * one / other,
    **dict.fromkeys(("addmm", "baddbmm"), _added_product),
    "stack": lambda tensors, dim=0: ops.stack(list(tensors), dim),
    "chunk": _chunks,
    "split": _pieces,
    "unbind": lambda x, dim=0: tuple(ops.unstack(x, axis=dim)),
    "squeeze": _squeezed,
    "flip": lambda x, *dims: ops.flip(x, leaves(list(dims))),
    "roll": lambda x, shifts, dims=None: ops.roll(x, shifts, dims),
    "normalize": _normalized,
    "pad": _padded,
    "one_hot": _one_hot,
    "getitem": _item,
}
