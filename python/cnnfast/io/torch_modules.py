"""PyTorch's modules as our layers: one short function, or one line of a table, for each class.

A converter is called with what makes layers (`Making`), the module, what it is called on, and the name of
what it becomes. Channels come first everywhere, as in PyTorch; so features lie in PyTorch's order behind a
flatten, too. Classes are told by their names: nothing here needs PyTorch.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from cnnfast import layers, ops
from cnnfast.io.torch_making import Making, NotConvertedError
from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    from cnnfast.layers.symbolic import SymbolicTensor

FIRST = "channels_first"
EPSILON = 2.0**-23  # of float32
Converter = Callable[..., Any]


def require(module: Any, **allowed: Any) -> None:
    """Refuses arguments of a module that are not what they must be.

    Raises:
        NotConvertedError: If one is not.

    Example:
        >>> require(slice(1, 2), start=1)
    """
    for name, value in allowed.items():
        if getattr(module, name) != value:
            raise NotConvertedError(
                f"with {name}={getattr(module, name)!r}; only {value!r} has a counterpart"
            )


def _each(value: Any, rank: int) -> list[int]:
    return [int(one) for one in leaves(value)] * (rank if len(leaves(value)) == 1 else 1)


def _both_sides(value: Any, rank: int) -> Any:
    return value if isinstance(value, str) else [(one, one) for one in _each(value, rank)]


def _of_rank(family: str, rank: int) -> Any:
    return getattr(layers, family.replace("#", str(rank)))


def _rank(module: Any) -> int:
    """The number at the end of the class's name, which all classes of such families have."""
    return next(int(c.__name__[-2]) for c in type(module).__mro__ if c.__name__[-2:] in ("1d", "2d", "3d"))


# -- with weights --------------------------------------------------------------------------------------------


def _linear(making: Making, module: Any, x: Any, name: str) -> Any:
    return making.layer(name, layers.Dense, module.out_features, use_bias=module.bias is not None)(x)


def _conv(making: Making, module: Any, x: Any, name: str) -> Any:
    rank = len(module.kernel_size)
    options: dict[str, Any] = {
        "strides": module.stride,
        "padding": _both_sides(module.padding, rank),
        "dilation_rate": module.dilation,
        "data_format": FIRST,
        "use_bias": module.bias is not None,
        "padding_mode": module.padding_mode,
    }
    if module.groups == module.in_channels > 1 and rank < 3:
        multiplier = module.out_channels // module.in_channels
        kind = _of_rank("DepthwiseConv#D", rank)
        return making.layer(name, kind, module.kernel_size, depth_multiplier=multiplier, **options)(x)
    kind, sizes = _of_rank("Conv#D", rank), (module.out_channels, module.kernel_size)
    return making.layer(name, kind, *sizes, groups=module.groups, **options)(x)


def _conv_transpose(making: Making, module: Any, x: Any, name: str) -> Any:
    rank = len(module.kernel_size)
    return making.layer(
        name,
        _of_rank("Conv#DTranspose", rank),
        module.out_channels,
        module.kernel_size,
        strides=module.stride,
        padding=_both_sides(module.padding, rank),
        output_padding=module.output_padding,
        dilation_rate=module.dilation,
        data_format=FIRST,
        use_bias=module.bias is not None,
        groups=module.groups,
    )(x)


def _batch_norm(making: Making, module: Any, x: Any, name: str) -> Any:
    require(module, track_running_stats=True)
    if module.momentum is None:
        raise NotConvertedError("with momentum=None, an average over all batches; give it a number")
    affine = {"center": module.affine, "scale": module.affine}
    kind = layers.BatchNormalization
    return making.layer(name, kind, 1, 1 - module.momentum, module.eps, **affine)(x)


def _layer_norm(making: Making, module: Any, x: Any, name: str) -> Any:
    axes = list(range(-len(module.normalized_shape), 0))
    affine = {"scale": module.elementwise_affine, "center": getattr(module, "bias", None) is not None}
    return making.layer(name, layers.LayerNormalization, axes, module.eps, **affine)(x)


def _rms_norm(making: Making, module: Any, x: Any, name: str) -> Any:
    require(module, elementwise_affine=True)
    axes = list(range(-len(module.normalized_shape), 0))
    epsilon = EPSILON if module.eps is None else module.eps
    return making.layer(name, layers.RMSNormalization, axes, epsilon)(x)


def _group_norm(making: Making, module: Any, x: Any, name: str) -> Any:
    affine = {"center": module.affine, "scale": module.affine}
    return making.layer(name, layers.GroupNormalization, module.num_groups, 1, module.eps, **affine)(x)


def _instance_norm(making: Making, module: Any, x: Any, name: str) -> Any:
    require(module, track_running_stats=False)
    affine = {"center": module.affine, "scale": module.affine}
    return making.layer(name, layers.InstanceNormalization, 1, module.eps, **affine)(x)


def _embedding(making: Making, module: Any, x: Any, name: str) -> Any:
    require(module, max_norm=None)
    found = making.layer(name, layers.Embedding, module.num_embeddings, module.embedding_dim)(x)
    if module.padding_idx is None:
        return found
    if module.weight.detach()[module.padding_idx].any():
        raise NotConvertedError(f"with a row {module.padding_idx}, its padding_idx, that is not zero")
    # So that its row learns nothing, as in PyTorch.
    return found * ops.expand_dims(ops.not_equal(x, module.padding_idx), -1)


def _prelu(making: Making, module: Any, x: Any, name: str) -> Any:
    shared = list(range(1 if module.num_parameters == 1 else 2, x.ndim))
    return making.layer(name, layers.PReLU, shared_axes=shared)(x)


# -- pooling, borders, sizes -------------------------------------------------------------------------------


def _max_pool(making: Making, module: Any, x: Any, name: str) -> Any:
    rank = _rank(module)
    kind, options = _of_rank("MaxPooling#D", rank), {"dilation_rate": module.dilation}
    return _pool(making, kind, module, x, name, **options, return_indices=module.return_indices)


def _average_pool(making: Making, module: Any, x: Any, name: str) -> Any:
    if getattr(module, "divisor_override", None) is not None:
        require(module, divisor_override=None)
    kind = _of_rank("AveragePooling#D", _rank(module))
    return _pool(making, kind, module, x, name, count_include_pad=module.count_include_pad)


def _lp_pool(making: Making, module: Any, x: Any, name: str) -> Any:
    require(module, ceil_mode=False)
    if module.norm_type % 2:
        raise NotConvertedError(
            f"with norm_type={module.norm_type}, of which PyTorch adds powers with their signs"
        )
    kind = _of_rank("LpPooling#D", _rank(module))
    options = {"strides": module.stride, "data_format": FIRST}
    return making.layer(name, kind, float(module.norm_type), module.kernel_size, **options)(x)


def _pool(making: Making, kind: Any, module: Any, x: Any, name: str, **options: Any) -> Any:
    stride = module.kernel_size if module.stride in (None, ()) else module.stride
    padding = _both_sides(module.padding, _rank(module))
    options |= {"data_format": FIRST, "ceil_mode": module.ceil_mode}
    window = _each(module.kernel_size, _rank(module)), _each(stride, _rank(module))
    return making.layer(name, kind, *window, padding, **options)(x)


def _adaptive(family: str) -> Converter:
    def convert(making: Making, module: Any, x: Any, name: str) -> Any:
        rank = _rank(module)
        given = module.output_size if isinstance(module.output_size, (tuple, list)) else [module.output_size]
        asked = list(given) * (rank if len(given) == 1 else 1)
        size = [have if one is None else one for one, have in zip(asked, x.shape[2:], strict=True)]
        options = {"data_format": FIRST}
        return making.layer(name, _of_rank(family, rank), size, **options)(x)

    return convert


def _pad(mode: str) -> Converter:
    def convert(making: Making, module: Any, x: Any, name: str) -> Any:
        return pad(x, _each(module.padding, 2 * _rank(module)), mode, getattr(module, "value", 0.0))

    return convert


def pad(x: SymbolicTensor, sides: Any, mode: str = "constant", value: float | None = None) -> Any:
    """Adds borders as PyTorch lists them: the last axis's first.

    Raises:
        NotConvertedError: If they would cut something off, or the kind is not known.

    Example:
        >>> pad(layers.Input((2, 4, 5)), (1, 1, 0, 2)).shape
        (None, 2, 6, 7)
    """
    kinds = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
    if min(sides) < 0 or mode not in kinds:
        raise NotConvertedError(f"with mode={mode!r} and borders {tuple(sides)}; borders must be at least 0")
    pairs = list(zip(sides[::2], sides[1::2], strict=True))[::-1]
    widths = [(0, 0)] * (x.ndim - len(pairs)) + pairs
    filled = {"constant_values": float(value or 0.0)} if mode == "constant" else {}
    return ops.pad(x, widths, kinds[mode], **filled)


def _upsample(making: Making, module: Any, x: Any, name: str) -> Any:
    return interpolate(
        x,
        module.size,
        module.scale_factor,
        module.mode,
        module.align_corners,
        getattr(module, "recompute_scale_factor", None),
    )


def interpolate(
    x: SymbolicTensor,
    size: Any = None,
    scale_factor: Any = None,
    mode: str = "nearest",
    align_corners: bool | None = None,
    recompute_scale_factor: bool | None = None,
    antialias: bool = False,
) -> Any:
    """Brings images to another size as `torch.nn.functional.interpolate` does.

    Raises:
        NotConvertedError: If the kind has no counterpart.

    Example:
        >>> interpolate(layers.Input((2, 4, 5)), scale_factor=2).shape
        (None, 2, 8, 10)
    """
    kinds = {"nearest": "nearest", "nearest-exact": "nearest", "linear": "bilinear", "bilinear": "bilinear"}
    kinds |= {"trilinear": "bilinear", "bicubic": "bicubic"}
    sides = [size for size in x.shape[2:] if size is not None]
    if mode == "area" and size is not None and len(sides) == x.ndim - 2:
        return _of_rank("AdaptiveAveragePooling#D", len(sides))(_each(size, len(sides)), data_format=FIRST)(x)
    if antialias or mode not in kinds or len(sides) < x.ndim - 2:
        raise NotConvertedError(f"with mode={mode!r}, antialias={antialias} of images {x.shape[1:]}")
    factors = None
    if size is None:
        given = leaves(scale_factor)
        factors = [float(one) for one in given] * (len(sides) if len(given) == 1 else 1)
        size = [int(have * factor) for have, factor in zip(sides, factors, strict=True)]
    size = _each(size, len(sides))
    coordinates = (
        "asymmetric" if mode == "nearest" else "align_corners" if align_corners else "pytorch_half_pixel"
    )
    if recompute_scale_factor or align_corners:
        factors = None
    return ops.image.resize(
        x, size, kinds[mode], data_format=FIRST, coordinates=coordinates, scale_factor=factors
    )


# -- shapes ------------------------------------------------------------------------------------------------


def _flatten(making: Making, module: Any, x: Any, name: str) -> Any:
    return flatten(x, module.start_dim, module.end_dim)


def flatten(x: SymbolicTensor, start: int, end: int) -> Any:
    """Makes axes one, in the order in which their numbers lie.

    Example:
        >>> flatten(layers.Input((2, 4, 5)), 2, -1).shape
        (None, 2, 20)
    """
    start, end = start % x.ndim, end % x.ndim
    if start == 0 and x.batched:
        raise NotConvertedError("of the batch's axis, which stays the first; give start_dim=1")
    known = [size for size in x.shape[start : end + 1] if size is not None]
    one = math.prod(known) if len(known) == end + 1 - start else -1
    return reshaped(x, [*x.shape[x.batched : start], one, *x.shape[end + 1 :]])


def reshaped(x: SymbolicTensor, shape: Any) -> Any:
    """Gives samples another shape.

    By `ops`, not by a layer, behind which weights in files are taken to count pictures' pixels as Keras does.

    Example:
        >>> reshaped(layers.Input((2, 6)), (4, 3)).shape
        (None, 4, 3)
    """
    return ops.reshape(x, (None, *shape) if x.batched else tuple(shape))


def _unflatten(making: Making, module: Any, x: Any, name: str) -> Any:
    return unflatten(x, module.dim, module.unflattened_size)


def unflatten(x: SymbolicTensor, dim: int, sizes: Any) -> Any:
    """Makes several axes of one.

    Example:
        >>> unflatten(layers.Input((6, 5)), 1, (2, -1)).shape
        (None, 2, 3, 5)
    """
    at, sizes = dim % x.ndim, list(sizes)
    if at == 0 and x.batched:
        raise NotConvertedError("of the batch's axis, which stays the first")
    if -1 in sizes:
        sizes[sizes.index(-1)] = x.shape[at] // -math.prod(sizes)
    return reshaped(x, [*x.shape[x.batched : at], *sizes, *x.shape[at + 1 :]])


def _pixel_shuffle(making: Making, module: Any, x: Any, name: str) -> Any:
    return making.layer(name, layers.PixelShuffle, module.upscale_factor, data_format=FIRST)(x)


def _pixel_unshuffle(making: Making, module: Any, x: Any, name: str) -> Any:
    r, (channels, height, width) = module.downscale_factor, x.shape[1:]
    cut = ops.reshape(x, (None, channels, height // r, r, width // r, r))
    turned = ops.transpose(cut, (0, 1, 3, 5, 2, 4))
    return ops.reshape(turned, (None, channels * r * r, height // r, width // r))


def _channel_shuffle(making: Making, module: Any, x: Any, name: str) -> Any:
    groups, (channels, *sides) = module.groups, x.shape[1:]
    cut = ops.reshape(x, (None, groups, channels // groups, *sides))
    return ops.reshape(ops.swapaxes(cut, 1, 2), (None, channels, *sides))


# -- without weights -----------------------------------------------------------------------------------------


def _dropout(making: Making, module: Any, x: Any, name: str) -> Any:
    return making.layer(name, layers.Dropout, module.p)(x)


def _spatial_dropout(making: Making, module: Any, x: Any, name: str) -> Any:
    # Whole channels: (n, c, ...), or (n, c) of Dropout1d's vectors.
    return making.layer(name, layers.Dropout, module.p, (None, None, *(1,) * (x.ndim - 2)))(x)


def _alpha_dropout(making: Making, module: Any, x: Any, name: str) -> Any:
    return making.layer(name, layers.AlphaDropout, module.p)(x)


def _unpool(making: Making, module: Any, x: Any, name: str, indices: Any, output_size: Any = None) -> Any:
    kind = _of_rank("MaxUnpool#D", _rank(module))
    window = (_each(each, _rank(module)) for each in (module.kernel_size, module.stride))
    layer = making.layer(name, kind, *window, _both_sides(module.padding, _rank(module)), data_format=FIRST)
    return layer(x, indices, output_size=None if output_size is None else list(output_size)[-_rank(module) :])


def _cosine(making: Making, module: Any, x: Any, name: str, other: Any) -> Any:
    return cosine_similarity(x, other, module.dim, module.eps)


def cosine_similarity(x: Any, other: Any, dim: int = 1, eps: float = 1e-8) -> Any:
    """The cosine of the angle between vectors that lie along an axis.

    Example:
        >>> cosine_similarity(layers.Input((4,)), layers.Input((4,))).shape
        (None,)
    """
    return ops.sum(normalized(x, dim, eps) * normalized(other, dim, eps), axis=dim)


def normalized(x: Any, dim: int, eps: float, p: float = 2.0) -> Any:
    """Vectors along an axis divided by their norms.

    Example:
        >>> normalized(layers.Input((4,)), 1, 1e-12).shape
        (None, 4)
    """
    return x / ops.maximum(ops.norm(x, p, dim, keepdims=True), eps)


def _local_response(making: Making, module: Any, x: Any, name: str) -> Any:
    options = (module.size, module.alpha, module.beta, module.k, 1)
    return making.layer(name, layers.LocalResponseNormalization, *options)(x)


def _identity(making: Making, module: Any, x: Any, name: str) -> Any:
    return making.layer(name, layers.Identity)(x)


def _activation(activation: str) -> Converter:
    def convert(making: Making, module: Any, x: Any, name: str) -> Any:
        return making.layer(name, layers.Activation, activation)(x)

    return convert


def _gelu(making: Making, module: Any, x: Any, name: str) -> Any:
    return ops.gelu(x, approximate=module.approximate == "tanh")


def _softplus(making: Making, module: Any, x: Any, name: str) -> Any:
    # Beyond its threshold PyTorch takes x itself, which is equal to the last digit.
    return ops.softplus(x) if module.beta == 1 else ops.softplus(x * module.beta) / module.beta


def _rrelu(making: Making, module: Any, x: Any, name: str) -> Any:
    raise NotConvertedError("whose slopes are drawn anew in each step; take LeakyReLU or PReLU")


def _on(word: Callable[[Any, Any], Any]) -> Converter:
    """What is one word of `ops` on x and the module's arguments."""
    return lambda making, module, x, name: word(module, x)


def _windows(module: Any) -> dict[str, Any]:
    return {each: getattr(module, each) for each in ("kernel_size", "dilation", "padding", "stride")}


def _softmax_axis(module: Any, x: Any) -> int:
    if module.dim is None:
        return 0 if x.ndim in (0, 1, 3) else 1  # as PyTorch guesses, which warns of it
    return int(module.dim)


CONVERTERS: dict[str, Converter] = {
    "Linear": _linear,
    **dict.fromkeys(("Conv1d", "Conv2d", "Conv3d"), _conv),
    **dict.fromkeys(("ConvTranspose1d", "ConvTranspose2d", "ConvTranspose3d"), _conv_transpose),
    **dict.fromkeys(("BatchNorm1d", "BatchNorm2d", "BatchNorm3d"), _batch_norm),
    "LayerNorm": _layer_norm,
    "RMSNorm": _rms_norm,
    "GroupNorm": _group_norm,
    **dict.fromkeys(("InstanceNorm1d", "InstanceNorm2d", "InstanceNorm3d"), _instance_norm),
    "Embedding": _embedding,
    "PReLU": _prelu,
    **dict.fromkeys(("MaxPool1d", "MaxPool2d", "MaxPool3d"), _max_pool),
    **dict.fromkeys(("AvgPool1d", "AvgPool2d", "AvgPool3d"), _average_pool),
    **dict.fromkeys(("LPPool1d", "LPPool2d", "LPPool3d"), _lp_pool),
    **{f"AdaptiveAvgPool{rank}d": _adaptive("AdaptiveAveragePooling#D") for rank in (1, 2, 3)},
    **{f"AdaptiveMaxPool{rank}d": _adaptive("AdaptiveMaxPooling#D") for rank in (1, 2, 3)},
    **dict.fromkeys(("MaxUnpool1d", "MaxUnpool2d", "MaxUnpool3d"), _unpool),
    "CosineSimilarity": _cosine,
    **{
        f"{word}Pad{rank}d": _pad(mode)
        for rank in (1, 2, 3)
        for word, mode in (
            ("Zero", "constant"),
            ("Constant", "constant"),
            ("Reflection", "reflect"),
            ("Replication", "replicate"),
            ("Circular", "circular"),
        )
    },
    **dict.fromkeys(("Upsample", "UpsamplingNearest2d", "UpsamplingBilinear2d"), _upsample),
    "Flatten": _flatten,
    "Unflatten": _unflatten,
    "PixelShuffle": _pixel_shuffle,
    "PixelUnshuffle": _pixel_unshuffle,
    "ChannelShuffle": _channel_shuffle,
    "Dropout": _dropout,
    **dict.fromkeys(("Dropout1d", "Dropout2d", "Dropout3d"), _spatial_dropout),
    "AlphaDropout": _alpha_dropout,
    "LocalResponseNorm": _local_response,
    "Fold": _on(lambda module, x: ops.fold(x, module.output_size, **_windows(module))),
    "Unfold": _on(lambda module, x: ops.unfold(x, **_windows(module))),
    "Identity": _identity,
    "ReLU": _activation("relu"),
    "ReLU6": _activation("relu6"),
    "SELU": _activation("selu"),
    "SiLU": _activation("silu"),
    "Mish": _activation("mish"),
    "Sigmoid": _activation("sigmoid"),
    "LogSigmoid": _activation("log_sigmoid"),
    "Tanh": _activation("tanh"),
    "Softsign": _activation("softsign"),
    "Tanhshrink": _activation("tanh_shrink"),
    "Hardsigmoid": _activation("hard_sigmoid"),
    "Hardswish": _activation("hard_silu"),
    "GELU": _gelu,
    "Softplus": _softplus,
    "RReLU": _rrelu,
    "LeakyReLU": _on(lambda module, x: ops.leaky_relu(x, module.negative_slope)),
    "ELU": _on(lambda module, x: ops.elu(x, module.alpha)),
    "CELU": _on(lambda module, x: ops.celu(x, module.alpha)),
    "Softshrink": _on(lambda module, x: ops.soft_shrink(x, module.lambd)),
    "Hardshrink": _on(lambda module, x: ops.hard_shrink(x, module.lambd)),
    "Hardtanh": _on(lambda module, x: ops.clip(x, module.min_val, module.max_val)),
    "Threshold": _on(lambda module, x: ops.threshold(x, module.threshold, module.value)),
    "GLU": _on(lambda module, x: ops.glu(x, module.dim)),
    "Softmax": _on(lambda module, x: ops.softmax(x, _softmax_axis(module, x))),
    "Softmax2d": _on(lambda module, x: ops.softmax(x, 1)),
    "Softmin": _on(lambda module, x: ops.softmax(-x, _softmax_axis(module, x))),
    "LogSoftmax": _on(lambda module, x: ops.log_softmax(x, _softmax_axis(module, x))),
}

# Those that are called with more than what they are of.
TAKING_MORE = {_unpool, _cosine}
