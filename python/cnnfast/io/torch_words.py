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
from cnnfast.io.torch_attention import attended
from cnnfast.io.torch_functions import WORDS
from cnnfast.io.torch_making import BATCH, Making, NotConvertedError, Parameter, Turned, picked, turned
from cnnfast.io.torch_modules import CONVERTERS
from cnnfast.io.torch_tracing import InEval
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.utils.nest import leaves, mapped

if TYPE_CHECKING:
    Word = Callable[..., Any]

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
    kwargs = {
        key: value
        for key, value in kwargs.items()
        if key not in _WITHOUT_MEANING or (key == "dtype" and word in ("to", "type"))
    }
    if word in _WITH_WEIGHTS and (found := _by_weights(making, name, word, args, kwargs)) is not None:
        return found
    if word in ("mul", "imul") and (found := _scaled(making, *args)) is not None:
        return found
    args, kwargs = mapped(
        lambda each: making.value_of(each) if isinstance(each, Parameter) else each, (args, kwargs)
    )
    if any(isinstance(each, Turned) for each in leaves((args, kwargs))):
        return _of_turned(word, *args, **kwargs)
    if word in _MODULES:
        return _by_module(making, name, word, args, kwargs)
    if any(each is BATCH for each in leaves((args, kwargs))) and word not in _TAKE_BATCH:
        raise NotConvertedError("of the batch size, with which nothing can be computed")
    if word in _SHAPES:
        return _SHAPES[word](making, name, *args, **kwargs)
    if word in WORDS:
        return WORDS[word](*args, **kwargs)
    if word in _WITH_WEIGHTS:
        raise NotConvertedError("of weights that are computed; hold them in a module")
    raise NotConvertedError("which has no counterpart here")


def is_known(word: str) -> bool:
    """Whether there is anything that does what a function of this name does.

    Example:
        >>> is_known("relu"), is_known("fft_fft")
        (True, False)
    """
    return any(word in table for table in (_MODULES, _WITH_WEIGHTS, _SHAPES, WORDS))


def attribute(making: Making, x: Any, name: str) -> Any:
    """Returns an attribute of a tensor.

    Example:
        >>> attribute(Making(), layers.Input((3, 2)), "shape")
        (the batch size, 3, 2)
    """
    if isinstance(x, Parameter) and name in ("shape", "ndim", "dtype", "device", "requires_grad", "is_cuda"):
        return getattr(x.value, name)
    x = making.value_of(x) if isinstance(x, Parameter) else x
    if name == "shape":
        return x.shape if isinstance(x, Turned) or not x.batched else (BATCH, *x.shape[1:])
    if name in ("T", "mT"):
        order = list(range(x.ndim))
        return turned(x, order[::-1] if name == "T" else [*order[:-2], order[-1], order[-2]])
    if name == "data" and isinstance(x, SymbolicTensor):
        return ops.stop_gradient(x)
    if name in ("device", "dtype"):
        import torch

        return torch.device("cpu") if name == "device" else torch.float32
    known = {"ndim": x.ndim, "requires_grad": True, "is_cuda": False}
    if name not in known:
        raise NotConvertedError("which has no counterpart here")
    return known[name]


def _of_turned(word: str, x: Any, *args: Any, **kwargs: Any) -> Any:
    """What may be done to a tensor whose samples are not first: it is turned, cut or handed on."""
    if isinstance(x, Turned):
        if word == "getitem":
            return picked(x, *args)
        if word in ("unbind", "size", "contiguous", "clone", "dim"):
            return _TURNED[word](x, *args, **kwargs)
        if word in ("permute", "transpose", "swapaxes", "swapdims", "movedim", "moveaxis", "t"):
            return WORDS[word](x, *args, **kwargs)
    raise NotConvertedError(
        "of a tensor whose samples are not first; bring them there first, by permute or transpose"
    )


def _unbound(x: Turned, dim: int = 0) -> Any:
    before = (slice(None),) * (dim % x.ndim)
    return tuple(picked(x, (*before, place)) for place in range(x.shape[dim]))


_TURNED: dict[str, Word] = {
    "unbind": _unbound,
    "size": lambda x, dim=None: x.shape if dim is None else x.shape[dim],
    "contiguous": lambda x: x,
    "clone": lambda x: x,
    "dim": lambda x: x.ndim,
}


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
    training = options.pop("training", True)
    if not isinstance(training, InEval) and not training:
        return x
    if word.startswith("adaptive_max") and options.pop("return_indices", False):
        raise NotConvertedError("with return_indices=True")
    if options.get("divisor_override", 1) is None:  # one-dimensional pooling has no such argument
        del options["divisor_override"]
    return CONVERTERS[kind](making, getattr(nn, kind)(**options), x, name)


# By function: the module, and how the function's arguments behind the input are called.
_CONV = ("weight", "bias", "stride", "padding", "dilation", "groups")
_CONV_BACK = ("weight", "bias", "stride", "padding", "output_padding", "groups", "dilation")
_WITH_WEIGHTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "linear": ("Linear", ("weight", "bias")),
    **{f"conv{rank}d": (f"Conv{rank}d", _CONV) for rank in (1, 2, 3)},
    **{f"conv_transpose{rank}d": (f"ConvTranspose{rank}d", _CONV_BACK) for rank in (1, 2, 3)},
    "layer_norm": ("LayerNorm", ("normalized_shape", "weight", "bias", "eps")),
    "group_norm": ("GroupNorm", ("num_groups", "weight", "bias", "eps")),
    "prelu": ("PReLU", ("weight",)),
}


def _by_weights(making: Making, name: str, word: str, args: Sequence[Any], kwargs: dict[str, Any]) -> Any:
    """Functions that are given their weights: the layer is called as the module that holds these.

    None where no module holds them as its own, and they are no kernel that stays as it is.
    """
    from torch import nn

    kind, names = _WITH_WEIGHTS[word]
    x, *others = args or [kwargs["input"]]
    options = dict(zip(names, others, strict=False)) | {k: v for k, v in kwargs.items() if k != "input"}
    weight, bias = options.pop("weight", None), options.pop("bias", None)
    if isinstance(weight, np.ndarray) and word.startswith("conv") and bias is None:
        making.constants[name] = weight
        weight = Parameter(f"{name}.weight", weight)
    owner, _, role = getattr(weight, "path", "").rpartition(".")
    suits = bias is None or (isinstance(bias, Parameter) and bias.path == f"{owner}.bias")
    if not owner or role != "weight" or not suits or not isinstance(x, SymbolicTensor):
        return None
    sizes = _sizes_of(kind, tuple(weight.value.shape), options, x)
    if "bias" in names and kind != "GroupNorm":
        sizes["bias"] = bias is not None
    elif bias is None and kind == "GroupNorm":
        return None
    return CONVERTERS[kind](making, getattr(nn, kind)(device="meta", **sizes, **options), x, owner)


def _sizes_of(
    kind: str, shape: tuple[int, ...], options: dict[str, Any], x: SymbolicTensor
) -> dict[str, Any]:
    """The arguments of a module that has a weight of this shape."""
    if kind == "Linear":
        return {"in_features": shape[1], "out_features": shape[0]}
    if kind == "PReLU":
        return {"num_parameters": shape[0]}
    if kind == "GroupNorm":
        return {"num_channels": x.shape[1]}
    if kind == "LayerNorm":
        return {}
    first, second, *window = shape
    second *= options.get("groups", 1)
    ends = (first, second) if kind.startswith("ConvTranspose") else (second, first)
    return {"in_channels": ends[0], "out_channels": ends[1], "kernel_size": tuple(window)}


def _scaled(making: Making, *factors: Any) -> Any:
    """One learnt factor a channel, as at the end of ConvNeXt's blocks; None if it is something else."""
    if not any(isinstance(each, Parameter) for each in factors):
        return None
    parameter, x = factors if isinstance(factors[0], Parameter) else factors[::-1]
    if not isinstance(x, SymbolicTensor) or not x.batched:
        return None
    if tuple(parameter.value.shape) != (x.shape[1], *(1,) * (x.ndim - 2)):
        return None
    return making.layer(parameter.path, layers.LayerScale, axis=1)(x)


# -- about shapes ------------------------------------------------------------------------------------------


def _size(making: Making, name: str, x: Any, dim: int | None = None) -> Any:
    sizes = attribute(making, x, "shape")
    return sizes if dim is None else sizes[dim]


def _reshape(making: Making, name: str, x: Any, *shape: Any) -> Any:
    """To another shape of samples; the batch stays the first axis."""
    if not x.batched:
        return ops.reshape(x, leaves(list(shape)))
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


def _expanded(making: Making, name: str, x: Any, *sizes: Any) -> Any:
    wanted = leaves(list(sizes))
    if wanted[0] is BATCH and not (isinstance(x, SymbolicTensor) and x.batched):
        row = ops.reshape(x, (1,) * (len(wanted) - x.ndim) + tuple(x.shape))
        return _expanded(making, name, making.for_each_sample(row), *wanted)
    if len(wanted) < x.ndim or (x.batched and len(wanted) > x.ndim):
        raise NotConvertedError(f"of {x.shape} to {sizes}, which has other axes")
    have = (1,) * (len(wanted) - x.ndim) + tuple(x.shape)
    sides = [old if new in (-1, BATCH) else new for old, new in zip(have, wanted, strict=True)]
    return ops.broadcast_to(x, sides)


def _expanded_as(making: Making, name: str, x: Any, other: Any) -> Any:
    if None in other.shape[1:]:  # open sizes
        return ops.add(x, ops.zeros_like(other))
    return _expanded(making, name, x, *attribute(making, other, "shape"))


def _repeated(making: Making, name: str, x: Any, *sizes: Any) -> Any:
    first, *rest = leaves(list(sizes))
    if first is not BATCH:
        return ops.tile(x, [first, *rest])
    row = np.tile(x, [1, *rest]) if isinstance(x, np.ndarray) else ops.tile(x, [1, *rest])
    if row.shape[0] != 1 or (isinstance(x, SymbolicTensor) and x.batched):
        raise NotConvertedError("of the batch size, with which nothing but one row can be repeated")
    return making.for_each_sample(row)


def _converted_to(making: Making, name: str, x: Any, *args: Any, dtype: Any = None, **options: Any) -> Any:
    """Numbers of another kind: whole ones, or conditions, kept as floats."""
    import torch

    dtype = next((each for each in args if isinstance(each, torch.dtype)), dtype)
    if dtype is None or dtype.is_floating_point:
        return x
    return ops.not_equal(x, 0) if dtype == torch.bool else ops.trunc(x)


def _filled(value: float | None) -> Word:
    """Tensors of one number that are made for the batch."""

    def fill(making: Making, name: str, *sizes: Any, fill_value: Any = value, **options: Any) -> Any:
        given = [each for each in sizes if not isinstance(each, (SymbolicTensor, np.ndarray))]
        if value is None and len(given) > 1:
            *given, fill_value = given
        first, *rest = leaves(given)
        if first is not BATCH or BATCH in rest:
            raise NotConvertedError("of another shape than (batch size, ...)")
        return making.for_each_sample(np.full((1, *rest), fill_value, np.float32))

    return fill


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


def _normed(kind: str) -> Word:
    """With weights that no module holds as its own: factors and additions behind a layer without any."""

    def norm(
        making: Making, name: str, x: Any, over: Any, weight: Any = None, bias: Any = None, eps: float = 1e-5
    ) -> Any:
        if kind == "LayerNorm":
            axes = list(range(-len(over), 0))
            made = making.layer(name, layers.LayerNormalization, axes, eps, center=False, scale=False)(x)
            shape = tuple(over)
        else:
            made = making.layer(name, layers.GroupNormalization, over, 1, eps, center=False, scale=False)(x)
            shape = (x.shape[1], *(1,) * (x.ndim - 2))
        made = made if weight is None else made * ops.reshape(weight, shape)
        return made if bias is None else made + ops.reshape(bias, shape)

    return norm


def _instance_norm(
    making: Making,
    name: str,
    x: Any,
    running_mean: Any = None,
    running_var: Any = None,
    weight: Any = None,
    bias: Any = None,
    use_input_stats: bool = True,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if not use_input_stats:
        raise NotConvertedError("with use_input_stats=False")
    return _normed("GroupNorm")(making, name, x, x.shape[1], weight, bias, eps)


def _batch_norm(
    making: Making,
    name: str,
    x: Any,
    running_mean: Any,
    running_var: Any,
    weight: Any = None,
    bias: Any = None,
    training: Any = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Any:
    if running_mean is None or isinstance(training, InEval) or training:
        raise NotConvertedError(
            "by the batch's statistics; hold it in a module, such as torch.nn.BatchNorm2d"
        )
    shape = (x.shape[1], *(1,) * (x.ndim - 2))
    factor = 1 / np.sqrt(np.reshape(running_var, shape) + eps)
    made = (x - np.reshape(running_mean, shape)) * factor
    made = made if weight is None else made * ops.reshape(weight, shape)
    return made if bias is None else made + ops.reshape(bias, shape)


def _linear(making: Making, name: str, x: Any, weight: Any, bias: Any = None) -> Any:
    made = ops.matmul(x, ops.swapaxes(weight, 0, 1))
    return made if bias is None else made + bias


def _attention(making: Making, name: str, *args: Any, **kwargs: Any) -> Any:
    return attended(making, name, *args, **kwargs)[0]


def _stochastic_depth(making: Making, name: str, x: Any, p: float, mode: str, training: Any = True) -> Any:
    """torchvision's: whole samples are dropped."""
    if mode != "row":
        raise NotConvertedError(f"with mode={mode!r}")
    if not training and not isinstance(training, InEval):
        return x
    return making.layer(name, layers.Dropout, p, (None, *(1,) * (x.ndim - 1)))(x)


def _set_item(making: Making, name: str, x: Any, key: Any, value: Any) -> Any:
    """Writes constants into a part of each sample."""
    where = np.zeros(x.shape[1:], bool)
    full = np.zeros(x.shape[1:], np.float32)
    whole = isinstance(key, tuple) and key[0] in (slice(None), ...)
    if isinstance(value, SymbolicTensor) or not x.batched or not (whole or key in (slice(None), ...)):
        raise NotConvertedError("of what is no constant, or of single samples; use torch.where or torch.cat")
    inner = key[1:] if isinstance(key, tuple) and key[0] == slice(None) else key
    where[inner], full[inner] = True, value
    return ops.where(where, full, x)


_SHAPES: dict[str, Word] = {
    "size": _size,
    "dim": lambda making, name, x: x.ndim,
    "view": _reshape,
    "reshape": _reshape,
    "view_as": lambda making, name, x, other: _reshape(making, name, x, *attribute(making, other, "shape")),
    "reshape_as": lambda making, name, x, other: _reshape(
        making, name, x, *attribute(making, other, "shape")
    ),
    "flatten": _flatten,
    "expand": _expanded,
    "repeat": _repeated,
    **dict.fromkeys(("to", "type"), _converted_to),
    **dict.fromkeys(("int", "long"), lambda making, name, x: ops.trunc(x)),
    "bool": lambda making, name, x: ops.not_equal(x, 0),
    "expand_as": _expanded_as,
    "broadcast_to": lambda making, name, x, shape: _expanded(making, name, x, *shape),
    "cat": _cat,
    "concat": _cat,
    "concatenate": _cat,
    "add": _add,
    "iadd": _add,
    "interpolate": _interpolate,
    "upsample": _interpolate,
    "linear": _linear,
    "layer_norm": _normed("LayerNorm"),
    "group_norm": _normed("GroupNorm"),
    "instance_norm": _instance_norm,
    "batch_norm": _batch_norm,
    "scaled_dot_product_attention": _attention,
    "stochastic_depth": _stochastic_depth,
    "setitem": _set_item,
    **{f"{before}zeros": _filled(0.0) for before in ("", "new_")},
    **{f"{before}ones": _filled(1.0) for before in ("", "new_")},
    **{f"{before}full": _filled(None) for before in ("", "new_")},
    **dict.fromkeys(("contiguous", "clone", "float", "double", "cpu", "identity", "requires_grad"), _same),
}

# Functions that may be called on no tensor, but with the batch's size.
MADE_FOR_BATCH = ("zeros", "ones", "full", "new_zeros", "new_ones", "new_full", "expand", "repeat")
_TAKE_BATCH = ("view", "reshape", "view_as", "reshape_as", "expand_as", "broadcast_to", *MADE_FOR_BATCH)
