"""torch's convolutions, poolings, normalizations, moves and activations in our words."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from conformance.torch_word import ONE_SAMPLE, NotSaidError, layered, said

from cnnfast import layers, ops

FIRST = "channels_first"


def each(value: Any) -> Any:
    """What is so for each axis; a list of one is about all, and an empty one about none."""
    if isinstance(value, (list, tuple)) and len(value) < 2:
        return value[0] if value else None
    return value


def _convolution(kind: Any) -> Callable[..., Any]:
    def convolution(input, weight, bias=None, stride=1, padding=0, dilation=1, groups=1):
        filters, _, *window = weight.shape
        where = (each(stride), each(padding), FIRST, each(dilation), groups)
        layer = kind(filters, window, *where, use_bias=bias is not None)
        return layered(layer, input, kernel=(weight, (*range(2, weight.array.ndim), 1, 0)), bias=bias)

    return convolution


def _transposed(kind: Any) -> Callable[..., Any]:
    def transposed(input, weight, bias=None, stride=1, padding=0, output_padding=0, groups=1, dilation=1):
        _, some, *window = weight.shape
        how: Any = {"output_padding": each(output_padding), "dilation_rate": each(dilation), "groups": groups}
        layer = kind(
            some * groups,
            window,
            each(stride),
            each(padding),
            data_format=FIRST,
            use_bias=bias is not None,
            **how,
        )
        return layered(layer, input, kernel=(weight, (*range(2, weight.array.ndim), 1, 0)), bias=bias)

    return transposed


def _max_pool(kind: Any) -> Callable[..., Any]:
    def max_pool(
        input, kernel_size, stride=None, padding=0, dilation=1, ceil_mode=False, return_indices=False
    ):
        how: Any = {"ceil_mode": ceil_mode, "dilation_rate": each(dilation), "return_indices": return_indices}
        return kind(each(kernel_size), each(stride), each(padding), FIRST, **how)(input)

    return max_pool


def _avg_pool(kind: Any) -> Callable[..., Any]:
    def avg_pool(
        input,
        kernel_size,
        stride=None,
        padding=0,
        ceil_mode=False,
        count_include_pad=True,
        divisor_override=None,
    ):
        layer = kind(
            each(kernel_size),
            each(stride),
            each(padding),
            FIRST,
            ceil_mode=ceil_mode,
            count_include_pad=count_include_pad,
        )
        if divisor_override is not None:
            raise NotSaidError("divisor")
        return layer(input)

    return avg_pool


def _adaptive(kind: Any) -> Callable[..., Any]:
    def adaptive(input, output_size, return_indices=False):
        if return_indices:
            raise NotSaidError("places")
        sizes = output_size
        if isinstance(sizes, (list, tuple)) and None in sizes:
            sizes = [have if want is None else want for have, want in zip(input.dims[1:], sizes, strict=True)]
        return kind(sizes, FIRST)(input)

    return adaptive


def _max_unpool(kind: Any) -> Callable[..., Any]:
    def max_unpool(input, indices, kernel_size, stride=None, padding=0, output_size=None):
        layer = kind(each(kernel_size), each(stride), each(padding), FIRST)
        return layer(input, indices, output_size and output_size[-layer.rank :])

    return max_unpool


for _rank in (1, 2, 3):
    _of = {"batch": _rank + 2}
    _weights = {**_of, "parameters": ("weight", "bias")}
    said(f"conv{_rank}d", **_weights)(_convolution(getattr(layers, f"Conv{_rank}D")))
    said(f"conv_transpose{_rank}d", **_weights)(_transposed(getattr(layers, f"Conv{_rank}DTranspose")))
    said(f"max_pool{_rank}d", **_of)(_max_pool(getattr(layers, f"MaxPooling{_rank}D")))
    said(f"avg_pool{_rank}d", **_of)(_avg_pool(getattr(layers, f"AveragePooling{_rank}D")))
    for _kind, _name in (("Average", "avg"), ("Max", "max")):
        _layer = getattr(layers, f"Adaptive{_kind}Pooling{_rank}D")
        said(f"adaptive_{_name}_pool{_rank}d", **_of)(_adaptive(_layer))
    # Where places are found several times, torch has samples of its own for the gradients.
    _unpool = _max_unpool(getattr(layers, f"MaxUnpool{_rank}D"))
    said(f"max_unpool{_rank}d", **_of, numbers=("indices",), forward_only=True)(_unpool)
    said(f"max_unpool{_rank}d grad", **_of, numbers=("indices",))(_unpool)


# -- normalization -----------------------------------------------------------------------------------------


def _checked(epsilon: float) -> float:
    if epsilon < 0:
        raise NotSaidError("negative epsilon")
    return epsilon


@said("batch_norm", batch=0, parameters=("running_mean", "running_var", "weight", "bias"))
def batch_norm(
    input, running_mean, running_var, weight=None, bias=None, training=False, momentum=0.1, eps=1e-5
):
    layer = layers.BatchNormalization(1, 0.9, eps, center=bias is not None, scale=weight is not None)
    moving = {} if training else {"moving_mean": running_mean, "moving_variance": running_var}
    return layered(layer, input, {"training": training}, gamma=weight, beta=bias, **moving)


@said("layer_norm", batch=ONE_SAMPLE, parameters=("weight", "bias"))
def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    axes = list(range(-len(normalized_shape), 0))
    layer = layers.LayerNormalization(axes, _checked(eps), bias is not None, weight is not None)
    return layered(layer, input, gamma=weight, beta=bias)


@said("rms_norm", batch=ONE_SAMPLE, parameters=("weight",))
def rms_norm(input, normalized_shape, weight=None, eps=None):
    axes = list(range(-len(normalized_shape), 0))
    layer = layers.RMSNormalization(axes, 2.0**-23 if eps is None else _checked(eps))
    return layered(layer, input, scale=weight)


@said("group_norm", batch=0, parameters=("weight", "bias"))
def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    layer = layers.GroupNormalization(num_groups, 1, _checked(eps), bias is not None, weight is not None)
    return layered(layer, input, gamma=weight, beta=bias)


@said("instance_norm", batch=0, parameters=("running_mean", "running_var", "weight", "bias"))
def instance_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
):
    assert use_input_stats
    layer = layers.InstanceNormalization(1, eps, center=bias is not None, scale=weight is not None)
    return layered(layer, input, gamma=weight, beta=bias)


@said("local_response_norm", batch=0)
def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    return layers.LocalResponseNormalization(size, alpha, beta, k, axis=1)(input)


@said("normalize")
def normalize(input, p=2.0, dim=1, eps=1e-12):
    return ops.normalize(input, _axis(input, dim), p, eps)


def _axis(x: Any, axis: int) -> int:
    if x.ndim == 0:
        raise NotSaidError("no axes")
    return axis


@said("cosine_similarity", composed=True)
def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    wide = [
        ops.normalize(one + 0 * other, _axis(x1, dim), epsilon=eps) for one, other in ((x1, x2), (x2, x1))
    ]
    return ops.sum(wide[0] * wide[1], dim)


# -- moves -------------------------------------------------------------------------------------------------


@said("pad constant", "pad reflect", "pad replicate", "pad replicate_negative", "pad circular")
def pad(input, pad, mode="constant", value=None):
    sides = [(0, 0)] * input.ndim
    for axis, side in enumerate(zip(pad[::2], pad[1::2], strict=True)):
        sides[-1 - axis] = side
    names = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    if any(min(side) < 0 for side in sides):  # what is cut off
        ends = [(max(0, -b), size - max(0, -a)) for (b, a), size in zip(sides, input.shape, strict=True)]
        if any(begin >= end for begin, end in ends):
            raise NotSaidError("empty")
        input = input[tuple(slice(*each) for each in ends)]
    wider = [(max(0, before), max(0, after)) for before, after in sides]
    return ops.pad(input, wider, names[mode], value if mode == "constant" else None)


_INTERPOLATIONS = {
    "nearest": ("nearest", "asymmetric"),
    "nearest-exact": ("nearest", "half_pixel"),
    "linear": ("bilinear", "half_pixel"),
    "bilinear": ("bilinear", "half_pixel"),
    "trilinear": ("bilinear", "half_pixel"),
    "bicubic": ("bicubic", "pytorch_half_pixel"),
}


@said("upsample_nearest", *(f"interpolate {mode}" for mode in (*_INTERPOLATIONS, "area")), batch=0)
def interpolate(
    input, size=None, scale_factor=None, mode="nearest", align_corners=None, recompute_scale_factor=None
):
    sizes = input.dims[1:]
    if size is None:
        size = [math.floor(each * scale_factor) for each in sizes]
        if recompute_scale_factor or align_corners:
            scale_factor = None
    if mode == "area":
        return getattr(layers, f"AdaptiveAveragePooling{len(sizes)}D")(size, FIRST)(input)
    kind, places = _INTERPOLATIONS[mode]
    if align_corners:
        places = "align_corners"
    return ops.image.resize(
        input, size, kind, data_format=FIRST, coordinates=places, scale_factor=scale_factor
    )


@said("upsample_bilinear", batch=0)
def upsample_bilinear(input, size=None, scale_factor=None):
    return interpolate(input, size, scale_factor, "bilinear", True)


@said("pixel_shuffle", batch=4)
def pixel_shuffle(input, upscale_factor):
    return layers.PixelShuffle(upscale_factor, FIRST)(input)


@said("pixel_unshuffle", batch=4)
def pixel_unshuffle(input, downscale_factor):
    # Keras numbers what was a square before what was a channel, torch the other way about.
    return channel_shuffle(ops.space_to_depth(input, downscale_factor, FIRST), downscale_factor**2)


@said("channel_shuffle", batch=4, composed=True)
def channel_shuffle(input, groups):
    channels, *sizes = input.dims
    cut = ops.reshape(input, (-1, groups, channels // groups, *sizes))
    return ops.reshape(ops.swapaxes(cut, 1, 2), (-1, channels, *sizes))


@said("unfold", batch=4)
def unfold(input, kernel_size, dilation=1, padding=0, stride=1):
    return ops.unfold(input, kernel_size, dilation, padding, stride)


@said("grid_sample", batch=0)
def grid_sample(input, grid, mode="bilinear", padding_mode="zeros", align_corners=False):
    if mode == "bicubic":
        raise NotSaidError("bicubic")
    return ops.image.grid_sample(input, grid, mode, padding_mode, align_corners, FIRST)


@said("linear", batch=ONE_SAMPLE, parameters=("weight", "bias"))
def linear(input, weight, bias=None):
    layer = layers.Dense(weight.shape[0], use_bias=bias is not None)
    return layered(layer, input, kernel=(weight, (1, 0)), bias=bias)


@said("bilinear", composed=True)
def bilinear(input1, input2, weight, bias=None):
    rows = [ops.reshape(x, (-1, x.shape[-1])) for x in (input1, input2)]
    made = ops.einsum("boj,bj->bo", ops.einsum("bi,oij->boj", rows[0], weight), rows[1])
    return made if bias is None else made + bias


@said("embedding", batch=ONE_SAMPLE, parameters=("weight",), numbers=("input",))
def embedding(weight, input):
    return layered(layers.Embedding(*weight.shape), input, embeddings=weight)


# -- activations -------------------------------------------------------------------------------------------

for _name, _function in {
    "relu": lambda input: ops.relu(input),
    "relu6": lambda input: ops.relu6(input),
    "leaky_relu": lambda input, negative_slope=0.01: ops.leaky_relu(input, negative_slope),
    "elu": lambda input, alpha=1.0: ops.elu(input, alpha),
    "celu": lambda input, alpha=1.0: ops.celu(input, alpha),
    "selu": lambda input: ops.selu(input),
    "silu": lambda input: ops.silu(input),
    "gelu": lambda input, approximate="none": ops.gelu(input, approximate != "none"),
    "mish": lambda input: ops.mish(input),
    "softsign": lambda input: ops.softsign(input),
    "hardswish": lambda input: ops.hard_silu(input),
    "hardsigmoid": lambda input: ops.hard_sigmoid(input),
    "hardtanh": lambda input, min_val=-1.0, max_val=1.0: ops.clip(input, min_val, max_val),
    "hardshrink": lambda input, lambd=0.5: ops.hard_shrink(input, lambd),
    "softshrink": lambda input, lambd=0.5: ops.soft_shrink(input, lambd),
    "tanhshrink": lambda input: ops.tanh_shrink(input),
    "threshold": lambda input, threshold, value: ops.threshold(input, threshold, value),
    "logsigmoid": lambda input: ops.log_sigmoid(input),
    "sigmoid": lambda input: ops.sigmoid(input),
    "tanh": lambda input: ops.tanh(input),
    "glu": lambda input, dim=-1: ops.glu(input, dim),
    "softmax": lambda input, dim: ops.softmax(input, _axis(input, dim)),
    "softmin": lambda input, dim: ops.softmax(-input, _axis(input, dim)),
    "log_softmax": lambda input, dim: ops.log_softmax(input, _axis(input, dim)),
}.items():
    said(_name)(_function)


@said("softplus")
def softplus(input, beta=1, threshold=20):
    return ops.where(input * beta > threshold, input, ops.softplus(input * beta) / beta)


@said("rrelu")
def rrelu(input, lower=1 / 8, upper=1 / 3, training=False):
    if training:
        raise NotSaidError("random")
    return ops.leaky_relu(input, (lower + upper) / 2)


@said("prelu", batch=ONE_SAMPLE, parameters=("weight",))
def prelu(input, weight):
    # Behind the axis of our batch, which is one sample, are that of torch's and the channels.
    shared = [axis for axis in range(1, input.ndim) if axis != 2 or weight.array.size == 1]
    return layered(layers.PReLU(shared_axes=shared), input, alpha=weight)


def _dropout(kind: Any) -> Callable[..., Any]:
    def dropout(input, p=0.5, training=True):
        if training and 0 < p < 1:
            raise NotSaidError("random")
        return kind(p)(input, training=training)

    return dropout


said("dropout", batch=ONE_SAMPLE)(_dropout(layers.Dropout))
said("dropout2d", batch=4)(_dropout(lambda rate: layers.SpatialDropout2D(rate, FIRST)))
said("dropout3d", batch=5)(_dropout(lambda rate: layers.SpatialDropout3D(rate, FIRST)))


@said("alpha_dropout", batch=ONE_SAMPLE)
def alpha_dropout(input, p=0.5, training=False):
    if p == 1:
        raise NotSaidError("all")
    return _dropout(layers.AlphaDropout)(input, p, training)


@said("one_hot", numbers=("input",))
def one_hot(input, num_classes=-1):
    if num_classes < 0:
        raise NotSaidError("classes")
    return ops.one_hot(input, num_classes)
