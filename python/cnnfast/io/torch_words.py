"""PyTorch's functions and methods of tensors as ours.

They go by their names: "relu" is `F.relu`, `torch.relu`, `Tensor.relu`, and what writes where it reads. Most
functions of `torch.nn.functional` are modules without weights: the module is made and converted, so that each
rule stands once, in `torch_modules`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import layers, ops
from cnnfast.io import torch_modules
from cnnfast.io.torch_modules import CONVERTERS, Making, NotConvertedError
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    Word = Callable[..., Any]


class Batch:
    """Stands for the number of samples, which a model does not know: it may be handed on, no more."""

    def __repr__(self) -> str:
        return "the batch size"


BATCH = Batch()


class Parameter:
    """A weight that a module has beside its layers.

    Args:
        path: Its name in the module.
        value: Its numbers.
    """

    def __init__(self, path: str, value: Any) -> None:
        self.path, self.value = path, value


# Arguments of functions that change no number here: all is computed in float32.
_WITHOUT_MEANING = ("inplace", "_stacklevel", "dtype", "out", "memory_format")


def call(making: Making, name: str, word: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Does what PyTorch's function or method of this name does.

    Args:
        making: What makes layers.
        name: The name of the layer that it becomes, if it becomes one.
        word: The function's name.
        args: What it is called with; symbolic tensors stand for tensors.
        kwargs: What by name.

    Raises:
        NotConvertedError: If there is nothing that does this here.
    """
    kwargs = {key: value for key, value in kwargs.items() if key not in _WITHOUT_MEANING}
    if word in _MODULES:
        return _by_module(making, name, word, args, kwargs)
    if word in _WITH_WEIGHTS:
        return _by_weights(making, name, word, args, kwargs)
    if word in ("mul", "imul") and any(isinstance(each, Parameter) for each in args):
        return _scaled(making, *args)
    if any(each is BATCH for each in leaves((args, kwargs))) and word not in _TAKE_BATCH:
        raise NotConvertedError("of the batch size, with which nothing can be computed")
    if any(isinstance(each, Parameter) for each in leaves((args, kwargs))):
        paths = [each.path for each in leaves((args, kwargs)) if isinstance(each, Parameter)]
        raise NotConvertedError(
            f"of the parameter {paths[0]!r}; hold it in a module, such as torch.nn.Linear"
        )
    if word in _SHAPES:
        return _SHAPES[word](making, name, *args, **kwargs)
    if word in _WORDS:
        return _WORDS[word](*args, **kwargs)
    raise NotConvertedError("which has no counterpart here")


# -- as modules --------------------------------------------------------------------------------------------

# By function: the module, and what the function's arguments behind the input are called there.
_POOL = ("kernel_size", "stride", "padding")
_MODULES: dict[str, tuple[str, tuple[str, ...]]] = {
    "relu": ("ReLU", ()),
    "relu6": ("ReLU6", ()),
    "elu": ("ELU", ("alpha",)),
    "selu": ("SELU", ()),
    "celu": ("CELU", ("alpha",)),
    "leaky_relu": ("LeakyReLU", ("negative_slope",)),
    "gelu": ("GELU", ("approximate",)),
    "silu": ("SiLU", ()),
    "mish": ("Mish", ()),
    "sigmoid": ("Sigmoid", ()),
    "logsigmoid": ("LogSigmoid", ()),
    "tanh": ("Tanh", ()),
    "softplus": ("Softplus", ("beta", "threshold")),
    "softsign": ("Softsign", ()),
    "softshrink": ("Softshrink", ("lambd",)),
    "hardshrink": ("Hardshrink", ("lambd",)),
    "tanhshrink": ("Tanhshrink", ()),
    "hardtanh": ("Hardtanh", ("min_val", "max_val")),
    "hardsigmoid": ("Hardsigmoid", ()),
    "hardswish": ("Hardswish", ()),
    "threshold": ("Threshold", ("threshold", "value")),
    "glu": ("GLU", ("dim",)),
    "softmax": ("Softmax", ("dim",)),
    "softmin": ("Softmin", ("dim",)),
    "log_softmax": ("LogSoftmax", ("dim",)),
    "local_response_norm": ("LocalResponseNorm", ("size", "alpha", "beta", "k")),
    "pixel_shuffle": ("PixelShuffle", ("upscale_factor",)),
    "pixel_unshuffle": ("PixelUnshuffle", ("downscale_factor",)),
    "channel_shuffle": ("ChannelShuffle", ("groups",)),
    "dropout": ("Dropout", ("p", "training")),
    "alpha_dropout": ("AlphaDropout", ("p", "training")),
    **{f"dropout{rank}d": (f"Dropout{rank}d", ("p", "training")) for rank in (1, 2, 3)},
    **{
        f"max_pool{rank}d": (f"MaxPool{rank}d", (*_POOL, "dilation", "ceil_mode", "return_indices"))
        for rank in (1, 2, 3)
    },
    **{
        f"avg_pool{rank}d": (
            f"AvgPool{rank}d",
            (*_POOL, "ceil_mode", "count_include_pad", "divisor_override"),
        )
        for rank in (1, 2, 3)
    },
    **{
        f"lp_pool{rank}d": (f"LPPool{rank}d", ("norm_type", "kernel_size", "stride", "ceil_mode"))
        for rank in (1, 2, 3)
    },
    **{f"adaptive_avg_pool{rank}d": (f"AdaptiveAvgPool{rank}d", ("output_size",)) for rank in (1, 2, 3)},
    **{f"adaptive_max_pool{rank}d": (f"AdaptiveMaxPool{rank}d", ("output_size",)) for rank in (1, 2, 3)},
}


def _by_module(making: Making, name: str, word: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    from torch import nn

    kind, names = _MODULES[word]
    x, *others = args or [kwargs["input"]]
    options = dict(zip(names, others, strict=False)) | kwargs
    options.pop("input", None)
    if not options.pop("training", True):
        return x
    if word.startswith("adaptive_max") and options.pop("return_indices", False):
        raise NotConvertedError("with return_indices=True")
    if options.get("divisor_override", 1) is None:  # one-dimensional pooling has no such argument
        del options["divisor_override"]
    return CONVERTERS[kind](making, getattr(nn, kind)(**options), x, name)


# By function: the module, how the function's arguments are called, and how the module is made of these.
_CONV = ("weight", "bias", "stride", "padding", "dilation", "groups")
_WITH_WEIGHTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "linear": ("Linear", ("weight", "bias")),
    **{f"conv{rank}d": (f"Conv{rank}d", _CONV) for rank in (1, 2, 3)},
}


def _by_weights(making: Making, name: str, word: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Functions that are given their weights: the layer is called as the module that holds these."""
    from torch import nn

    kind, names = _WITH_WEIGHTS[word]
    x, *others = args or [kwargs["input"]]
    options = dict(zip(names, others, strict=False)) | {k: v for k, v in kwargs.items() if k != "input"}
    weight, bias = options.pop("weight"), options.pop("bias", None)
    owner, _, role = getattr(weight, "path", "").rpartition(".")
    suits = bias is None or (isinstance(bias, Parameter) and bias.path == f"{owner}.bias")
    if not owner or role != "weight" or not suits:
        raise NotConvertedError(
            "of weights that no module holds as its `weight` and `bias`; hold them in a module"
        )
    outputs, inputs, *window = weight.value.shape
    if window:
        inputs *= options.get("groups", 1)
        options["kernel_size"] = tuple(window)
    module = getattr(nn, kind)(inputs, outputs, bias=bias is not None, device="meta", **options)
    return CONVERTERS[kind](making, module, x, owner)


def _scaled(making: Making, x: Any, other: Any) -> Any:
    """One learnt factor a channel, as at the end of ConvNeXt's blocks."""
    parameter, x = (x, other) if isinstance(x, Parameter) else (other, x)
    shape = tuple(parameter.value.shape)
    if not isinstance(x, SymbolicTensor) or shape != (x.shape[1], *(1,) * (x.ndim - 2)):
        raise NotConvertedError(f"by the parameter {parameter.path!r} {shape}; one factor a channel is known")
    return making.layer(parameter.path, layers.LayerScale, axis=1)(x)


# -- about shapes ------------------------------------------------------------------------------------------


def _size(making: Making, name: str, x: Any, dim: int | None = None) -> Any:
    sizes = (BATCH, *x.shape[1:])
    return sizes if dim is None else sizes[dim]


def _reshape(making: Making, name: str, x: Any, *shape: Any) -> Any:
    """To another shape of samples; the batch stays the first axis."""
    first, *rest = leaves(list(shape))
    known = x.shape[1:]
    if None in known and -1 not in rest:
        raise NotConvertedError(f"of samples {known}: give input_shape without None")
    numbers = math.prod(known) if None not in known else None
    whole = -1 in rest or numbers is None or math.prod(rest) == numbers
    if not (first is BATCH or (first == -1 and -1 not in rest)) or BATCH in rest or not whole:
        raise NotConvertedError(
            f"of samples {known} to {shape}, where samples would be mixed; begin with x.size(0) and give the "
            "shape of one sample behind it"
        )
    return torch_modules.reshaped(x, rest)


def _flatten(making: Making, name: str, x: Any, start_dim: int = 0, end_dim: int = -1) -> Any:
    return torch_modules.flatten(x, start_dim, end_dim)


def _same(making: Making, name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    return x


def _cat(making: Making, name: str, tensors: Any, dim: int = 0) -> Any:
    return making.layer(name, layers.Concatenate, dim)(list(tensors))


def _add(making: Making, name: str, x: Any, other: Any, *, alpha: Any = 1) -> Any:
    both = isinstance(x, SymbolicTensor) and isinstance(other, SymbolicTensor) and alpha == 1
    if both and x.shape == other.shape:
        return making.layer(name, layers.Add)([x, other])
    return ops.add(x, other if alpha == 1 else other * alpha)


def _interpolate(making: Making, name: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    return torch_modules.interpolate(x, *args, **kwargs)


def _layer_norm(
    making: Making,
    name: str,
    x: Any,
    normalized_shape: Any,
    weight: Any = None,
    bias: Any = None,
    eps: float = 1e-5,
) -> Any:
    axes = list(range(-len(normalized_shape), 0))
    return making.layer(name, layers.LayerNormalization, axes, eps, center=False, scale=False)(x)


_SHAPES: dict[str, Word] = {
    "size": _size,
    "dim": lambda making, name, x: x.ndim,
    "view": _reshape,
    "reshape": _reshape,
    "flatten": _flatten,
    "cat": _cat,
    "concat": _cat,
    "concatenate": _cat,
    "add": _add,
    "iadd": _add,
    "interpolate": _interpolate,
    "upsample": _interpolate,
    "layer_norm": _layer_norm,
    **dict.fromkeys(("contiguous", "clone", "float", "to", "type_as", "cpu", "identity"), _same),
}

_TAKE_BATCH = ("view", "reshape", "expand")

# -- one word for another ----------------------------------------------------------------------------------


def _axes(dim: Any) -> Any:
    return None if dim is None else list(leaves(dim)) if isinstance(dim, (tuple, list)) else dim


def _reduced(word: Word) -> Word:
    def reduce(x: Any, dim: Any = None, keepdim: bool = False, dtype: Any = None) -> Any:
        return word(x, _axes(dim), keepdims=keepdim)

    return reduce


def _spread(word: Word) -> Word:
    """Variance or deviation: PyTorch divides by one less than the count."""

    def reduce(
        x: Any, dim: Any = None, unbiased: bool = True, keepdim: bool = False, correction: Any = None
    ) -> Any:
        if unbiased and correction != 0:
            raise NotConvertedError("with unbiased=True, which is the default; give unbiased=False")
        return word(x, _axes(dim), keepdims=keepdim)

    return reduce


def _extreme(of_one: Word, of_two: Word, place: Word) -> Word:
    """`max` and `min`: of a tensor, along an axis with the places, or of two tensors."""

    def reduce(x: Any, dim: Any = None, keepdim: bool = False) -> Any:
        if isinstance(dim, SymbolicTensor):
            return of_two(x, dim)
        largest = of_one(x, dim, keepdims=keepdim)
        return largest if dim is None else (largest, place(x, dim, keepdims=keepdim))

    return reduce


def _divided(x: Any, other: Any, rounding_mode: str | None = None) -> Any:
    if rounding_mode not in (None, "floor"):
        raise NotConvertedError(f"with rounding_mode={rounding_mode!r}")
    return ops.floor_divide(x, other) if rounding_mode else ops.true_divide(x, other)


def _permuted(x: Any, *dims: Any) -> Any:
    return ops.transpose(x, [axis % x.ndim for axis in leaves(list(dims))])


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
    given = range(1, x.ndim) if dim is None else [axis % x.ndim for axis in leaves(dim)]
    axes = [axis for axis in given if axis > 0 and x.shape[axis] == 1]
    return ops.squeeze(x, axes) if axes else x


def _clipped(x: Any, min: Any = None, max: Any = None) -> Any:
    low, high = -math.inf if min is None else min, math.inf if max is None else max
    return ops.clip(x, low, high)


def _repeated(x: Any, *sizes: Any) -> Any:
    return ops.tile(x, leaves(list(sizes)))


def _expanded(x: Any, *sizes: Any) -> Any:
    given = leaves(list(sizes))
    if len(given) != x.ndim:
        raise NotConvertedError(f"of {x.shape} to {sizes}, which has other axes")
    sides = [have if want in (-1, BATCH) else want for have, want in zip(x.shape, given, strict=True)]
    return ops.broadcast_to(x, sides)


def _normalized(x: Any, p: float = 2.0, dim: int = 1, eps: float = 1e-12) -> Any:
    return x / ops.maximum(ops.norm(x, p, dim, keepdims=True), eps)


def _padded(x: Any, pad: Any, mode: str = "constant", value: float | None = None) -> Any:
    return torch_modules.pad(x, pad, mode, value)


def _one_hot(x: Any, num_classes: int = -1) -> Any:
    if num_classes < 1:
        raise NotConvertedError("without num_classes")
    return ops.one_hot(x, num_classes)


def _item(x: Any, key: Any) -> Any:
    return x[key]


_RENAMED = {
    "neg": "negative", "negative": "negative", "abs": "absolute", "sub": "subtract", "isub": "subtract",
    "mul": "multiply", "imul": "multiply", "multiply": "multiply", "subtract": "subtract",
    "floordiv": "floor_divide", "floor_divide": "floor_divide", "mod": "mod", "remainder": "mod",
    "pow": "power", "matmul": "matmul", "bmm": "matmul", "mm": "matmul",
    "eq": "equal", "ne": "not_equal", "lt": "less", "le": "less_equal", "gt": "greater",
    "ge": "greater_equal", "logical_and": "logical_and", "logical_or": "logical_or",
    "logical_not": "logical_not", "and_": "logical_and", "or_": "logical_or", "invert": "logical_not",
    "asin": "arcsin", "acos": "arccos", "atan": "arctan", "atan2": "arctan2", "special_erf": "erf",
    "special_expm1": "expm1", "swapaxes": "swapaxes", "swapdims": "swapaxes", "transpose": "swapaxes",
    "unsqueeze": "expand_dims", "detach": "stop_gradient", "where": "where", "maximum": "maximum",
    "minimum": "minimum", "einsum": "einsum", "zeros_like": "zeros_like", "ones_like": "ones_like",
}  # fmt: skip
_SAME = (
    "exp", "exp2", "expm1", "log", "log1p", "log2", "log10", "sqrt", "rsqrt", "square", "reciprocal", "sign",
    "floor", "ceil", "round", "trunc", "sin", "cos", "tan", "sinh", "cosh", "erf", "erfc",
)  # fmt: skip

_WORDS: dict[str, Word] = {
    **{name: getattr(ops, word) for name, word in _RENAMED.items()},
    **{name: getattr(ops, name) for name in _SAME},
    **dict.fromkeys(("div", "truediv", "itruediv", "divide", "true_divide"), _divided),
    "rsub": lambda x, other: ops.subtract(other, x),
    **{name: _reduced(getattr(ops, name)) for name in ("sum", "mean", "prod", "logsumexp")},
    **{name: _reduced(getattr(ops, name)) for name in ("amax", "amin", "argmax", "argmin", "any", "all")},
    "var": _spread(ops.var),
    "std": _spread(ops.std),
    "max": _extreme(ops.max, ops.maximum, ops.argmax),
    "min": _extreme(ops.min, ops.minimum, ops.argmin),
    "clamp": _clipped,
    "clip": _clipped,
    "permute": _permuted,
    "stack": lambda tensors, dim=0: ops.stack(list(tensors), dim),
    "chunk": _chunks,
    "split": _pieces,
    "unbind": lambda x, dim=0: tuple(ops.unstack(x, axis=dim)),
    "squeeze": _squeezed,
    "repeat": _repeated,
    "expand": _expanded,
    "expand_as": lambda x, other: _expanded(x, other.shape),
    "flip": lambda x, *dims: ops.flip(x, leaves(list(dims))),
    "roll": lambda x, shifts, dims=None: ops.roll(x, shifts, dims),
    "normalize": _normalized,
    "pad": _padded,
    "one_hot": _one_hot,
    "getitem": _item,
}
