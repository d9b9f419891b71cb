"""One layer of ours as Keras has it: one of its layers, or several in a row.

Most layers have Keras's names and arguments already. What Keras spells otherwise is spelt so: borders of its
own become a layer, or an operation, before. What it lacks is refused, by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast import layers
from cnnfast.io.keras_state import keras_class
from cnnfast.layers.wrapper import Wrapper
from cnnfast.utils.arguments import explicit_sides
from cnnfast.utils.custom_objects import get_registered_name
from cnnfast.utils.keras_names import NAMES
from cnnfast.utils.serialization import check_makes_itself

if TYPE_CHECKING:
    from cnnfast.layers.layer import Layer
    from cnnfast.layers.symbolic import SymbolicTensor
    from cnnfast.models.blueprint import Node
    from cnnfast.utils.serialization import Config

# Arguments that Keras lacks, and the values that say nothing.
_OURS: dict[str, Any] = {
    "input_shape": ...,  # what stands for anything: it is told by the model
    "learning_rate_factor": 1.0,
    "ceil_mode": False,
    "return_indices": False,
    "coordinates": "half_pixel",
    "count_include_pad": ...,  # borders are written apart
}
# Keras keeps a lambda as code, and normalizes spectra in training alone.
_NOT_WRITTEN = ("Lambda", "SpectralNormalization")
_MODES = {
    "reflect": "reflect",
    "replicate": "edge",
    "circular": "wrap",
}  # of borders; TensorFlow has the first
_CONVNEXT = "keras.src.applications.convnext"  # has a layer that is not among Keras's layers
_LARGE = -3.4e38  # what borders of maximum pooling hold: less than any number
_MORE = {"InstanceNormalization": {"groups": -1}}  # arguments of Keras's class that ours has not
_WORDS_OF_NN = (
    "relu", "relu6", "sigmoid", "silu", "gelu", "leaky_relu", "elu", "selu", "softplus", "softsign",
    "softmax", "log_softmax", "hard_sigmoid", "hard_silu", "log_sigmoid", "celu", "tanh_shrink",
    "soft_shrink", "hard_shrink", "hard_tanh", "threshold", "glu",
)  # fmt: skip
_WORDS_OF_NUMPY = (
    "add", "subtract", "multiply", "divide", "true_divide", "power", "maximum", "minimum", "negative",
    "absolute", "exp", "log", "log1p", "expm1", "sqrt", "square", "reciprocal", "sign", "tanh", "sin", "cos",
    "floor", "ceil", "matmul", "mean", "sum", "max", "min", "prod", "reshape", "transpose", "expand_dims",
    "squeeze", "concatenate", "stack", "clip", "swapaxes", "flip", "greater", "less",
)  # fmt: skip


class NotWrittenError(ValueError):
    """What Keras's files cannot hold."""


class Step(NamedTuple):
    """One layer of Keras's, in place of one of ours.

    Attributes:
        entry: Its configuration.
        layer: Ours, if it is that; None for what stands before it.
        also: What it is called with beside the tensor, if it is an operation.
    """

    entry: Config
    layer: Layer | None
    also: tuple[Any, ...] = ()


def steps_of(node: Node) -> list[Step] | None:
    """Returns what a layer becomes, which is no model; None for what Keras's files do not hold.

    Raises:
        NotWrittenError: If Keras lacks an argument of it.
    """
    layer = node.layer
    if isinstance(layer, layers.Operation):
        return [Step(_operation(layer), layer)]
    if isinstance(layer, layers.PixelShuffle | layers.DepthToSpace):
        return _squares(node)
    if isinstance(layer, layers.LayerScale):
        return [_scale(node)]
    kind = keras_class(layer)
    if not type(layer).__module__.startswith("cnnfast."):
        return [_own(layer)] if layer._weights else None
    if kind not in NAMES["layers"].split() or kind in _NOT_WRITTEN:
        return None
    config = dict(layer.get_config())
    before = _borders(node, config)
    config = _plain(_cleaned(layer, kind, config)) | _MORE.get(type(layer).__name__, {})
    return [*before, Step(named(entry_of("keras.layers", kind, config), layer.name), layer)]


def _own(layer: Layer) -> Step:
    """A layer of one's own that has weights: by its name, for whoever loads it to give the code."""
    check_makes_itself(layer, layer.get_config())
    kind = type(layer).__name__
    entry = entry_of(type(layer).__module__, kind, _plain(_cleaned(layer, kind, layer.get_config())))
    return Step(named({**entry, "registered_name": get_registered_name(type(layer))}, layer.name), layer)


def _scale(node: Node) -> Step:
    """LayerScale, which Keras's ConvNeXt has."""
    layer, shape = node.layer, node.call.sources[0].shape
    config = dict(layer.get_config())
    if config.pop("axis") % len(shape) != len(shape) - 1:
        raise NotWrittenError(f"{told(layer)} has its channels not last, as Keras's has them")
    config = _cleaned(layer, "LayerScale", config) | {"projection_dim": shape[-1]}
    entry = entry_of(_CONVNEXT, "LayerScale", config) | {"registered_name": "LayerScale"}
    return Step(named(entry, layer.name), layer)


def _squares(node: Node) -> list[Step]:
    """Channels as squares of pixels: reshaped, turned, and reshaped."""
    layer: Any = node.layer
    first, crd = layer.data_format == "channels_first", isinstance(layer, layers.PixelShuffle)
    side = layer.upscale_factor if crd else layer.block_size
    sizes = [-1 if size is None else size for size in node.call.sources[0].shape[1:]]
    if sizes.count(-1) > 1:
        raise NotWrittenError(f"{told(layer)} needs pictures of a known size in Keras's files")
    channels, height, width = sizes if first else (sizes[2], *sizes[:2])
    split = [channels // side**2, side, side] if crd else [side, side, channels // side**2]
    if first:
        shape, order = [*split, height, width], (1, 4, 2, 5, 3) if crd else (3, 4, 1, 5, 2)
    else:
        shape, order = [height, width, *split], (1, 4, 2, 5, 3) if crd else (1, 3, 2, 4, 5)
    larger = [size if size < 0 else size * side for size in (height, width)]
    few = [channels // side**2]
    after = [*few, *larger] if first else [*larger, *few]

    def step(kind: str, suffix: str, config: Config, ours: Layer | None = None) -> Step:
        name = f"{layer.name}{suffix}"
        return Step(named(entry_of("keras.layers", kind, {"name": name, **config}), name), ours)

    return [
        step("Reshape", "_split", {"target_shape": shape}),
        step("Permute", "_turned", {"dims": order}),
        step("Reshape", "", {"target_shape": after}, layer),
    ]


def _cleaned(layer: Layer, kind: str, config: Config) -> Config:
    """A layer's arguments as Keras takes them."""
    config = dict(config)
    for name, value in _OURS.items():
        if config.pop(name, value) != value and value is not ...:
            raise NotWrittenError(f"{told(layer)} has an argument {name}, which Keras lacks")
    if "Pooling" in kind and set(config.pop("dilation_rate", (1,))) != {1}:
        raise NotWrittenError(
            f"{told(layer)} has a dilation_rate, which Keras's pooling lacks; cnnfast.io.save_onnx writes it"
        )
    if kind.endswith("Transpose") and config.pop("groups", 1) != 1:
        raise NotWrittenError(f"{told(layer)} has groups, which Keras lacks")
    if config.get("trainable") is True:  # some of Keras's layers do not take it
        del config["trainable"]
    if kind == "Cropping1D":
        (config["cropping"],) = config["cropping"]
        if config.pop("data_format") == "channels_first":
            raise NotWrittenError(f"{told(layer)}: Keras crops sequences with channels_last only")
    if kind == "UpSampling1D":
        (config["size"],) = config["size"]
    if isinstance(layer, Wrapper):
        config["layer"] = _inner(layer.layer)
    if isinstance(layer, layers.Pipeline):
        config["layers"] = [_inner(each) for each in layer.layers]
    return config


def _inner(layer: Layer) -> Config:
    kind = keras_class(layer)
    return entry_of("keras.layers", kind, _plain(_cleaned(layer, kind, layer.get_config())))


def told(layer: Layer) -> str:
    """Returns what a layer is called in errors."""
    return f"layer {layer.name!r} ({type(layer).__name__})"


def entry_of(module: str, kind: str, config: Config) -> Config:
    """Returns what describes an object in Keras's files."""
    return {"module": module, "class_name": kind, "config": config, "registered_name": None}


def named(entry: Config, name: str) -> Config:
    """Returns the same of a layer, with its name."""
    return {**entry, "name": name}


def input_of(layer: Layer, symbol: SymbolicTensor) -> Config:
    """Returns what describes an input of a model."""
    config = {"batch_shape": list(symbol.shape), "dtype": "float32", "sparse": False, "name": layer.name}
    return named(entry_of("keras.layers", "InputLayer", config), layer.name)


def _operation(layer: layers.Operation) -> Config:
    word = layer.operation
    place = "nn" if word in _WORDS_OF_NN else "numpy"
    if place == "numpy" and word not in _WORDS_OF_NUMPY:
        raise NotWrittenError(f"{told(layer)} is ops.{word}, which is not written to Keras's files")
    kind = "".join(part.capitalize() for part in word.split("_"))
    from cnnfast.ops.operation import TABLE

    entry = TABLE[word]
    config = {k: v for k, v in layer.arguments.items() if k not in (*entry.tensors, *entry.lists)}
    config = {k: v for k, v in config.items() if v is not None}
    made = entry_of(f"keras.src.ops.{place}", kind, {**config, "name": layer.name})
    return named({**made, "registered_name": kind}, layer.name)


# -- objects in configurations -------------------------------------------------------------------------------

_MODULES = {
    "initializer": "keras.initializers",
    "regularizer": "keras.regularizers",
    "constraint": "keras.constraints",
    "learning_rate": "keras.optimizers.schedules",
}


def _plain(config: Config) -> Config:
    """A layer's configuration, with the modules of what is described in it."""
    return {name: placed(value, _MODULES.get(name.rpartition("_")[2])) for name, value in config.items()}


def placed(value: Any, module: str | None) -> Any:
    """Returns a described object, or lists and dicts of these, with Keras's module.

    Args:
        value: What `serialize` returned.
        module: The module; None leaves it as it is.

    Raises:
        NotWrittenError: If Keras has no such class.

    Example:
        >>> placed({"class_name": "L2", "config": {"l2": 0.5}}, "keras.regularizers")["module"]
        'keras.regularizers'
    """
    if isinstance(value, list):
        return [placed(each, module) for each in value]
    if module is None or not isinstance(value, dict):
        return value
    if "class_name" not in value:
        return {name: placed(each, module) for name, each in value.items()}
    kind, family = value["class_name"], module.rpartition(".")[2]
    if kind == "AutoAccuracy":  # which Keras has by this name alone
        return "accuracy"
    if family in NAMES and kind not in NAMES[family].split():
        raise NotWrittenError(f"Keras has no {kind!r} in {module}")
    config = {name: placed(each, _MODULES.get(name)) for name, each in value["config"].items()}
    return entry_of(module, kind, config)


# -- borders -------------------------------------------------------------------------------------------------


def _borders(node: Node, config: Config) -> list[Step]:
    """Takes borders of its own out of a layer's configuration; returns what makes them."""
    layer, padding = node.layer, config.get("padding")
    if isinstance(layer, layers.ZeroPadding1D | layers.ZeroPadding2D | layers.ZeroPadding3D):
        if layer.rank == 1:
            config["padding"] = padding[0]  # type: ignore[index]
        return []
    mode = config.pop("padding_mode", "zeros")
    if mode != "zeros" and padding != "valid":
        return [_mirrored(node, config, mode)]
    pools, ceil = "Pooling" in type(layer).__name__, config.get("ceil_mode", False)
    if not ceil and (padding is None or isinstance(padding, str)):
        return []
    if type(layer).__name__.endswith("Transpose"):
        raise NotWrittenError(f"{told(layer)} has borders of its own, which Keras lacks; cut them off apart")
    sides = _sides(node) if ceil else [tuple(each) for each in padding]  # type: ignore[union-attr]
    config["padding"], config["ceil_mode"] = "valid", False
    if not any(map(any, sides)):
        return []
    name, first = f"{layer.name}_padding", config["data_format"] == "channels_first"
    if isinstance(layer, layers.MaxPooling1D | layers.MaxPooling2D | layers.MaxPooling3D):
        return [_pad(name, sides, first, "constant", (_LARGE,))]
    if pools and (ceil or not config.get("count_include_pad")):
        raise NotWrittenError(f"{told(layer)} leaves borders out of its means, which Keras lacks")
    rank = len(sides)
    own = {"name": name, "padding": sides[0] if rank == 1 else sides, "data_format": config["data_format"]}
    if rank == 1 and first:
        raise NotWrittenError(f"{told(layer)} has borders, for which Keras has channels_last only")
    return [Step(named(entry_of("keras.layers", f"ZeroPadding{rank}D", own), name), None)]


def _mirrored(node: Node, config: Config, mode: str) -> Step:
    """Borders that hold the picture's own pixels."""
    layer: Any = node.layer
    first = layer.data_format == "channels_first"
    shape = node.call.sources[0].shape[2:] if first else node.call.sources[0].shape[1:-1]
    padding = tuple((reach - 1, 0) for reach in layer._reach) if layer.padding == "causal" else layer.padding
    if padding == "same" and None in shape and set(layer.strides) != {1}:
        raise NotWrittenError(f"{told(layer)} has borders that depend on the size of pictures, which is open")
    # With strides of 1 they depend on the window alone: any size tells them.
    sizes = tuple(reach if size is None else size for size, reach in zip(shape, layer._reach, strict=True))
    config["padding"] = "valid"
    sides = explicit_sides(padding, sizes, layer._reach, layer.strides)
    return _pad(f"{layer.name}_padding", sides, first, _MODES[mode])


def _pad(name: str, sides: Any, first: bool, mode: str, also: tuple[Any, ...] = ()) -> Step:
    width = [(0, 0), *([(0, 0)] if first else []), *sides, *([] if first else [(0, 0)])]
    entry = entry_of("keras.src.ops.numpy", "Pad", {"pad_width": width, "mode": mode, "name": name})
    return Step(named({**entry, "registered_name": "Pad"}, name), None, also)


def _sides(node: Node) -> list[tuple[int, int]]:
    """Borders of a pooling that counts windows that hang over: as many cells as these need."""
    layer: Any = node.layer
    first = layer.data_format == "channels_first"
    before = node.call.sources[0].sample_shape
    sizes, counts = ((each[1:] if first else each[:-1]) for each in (before, node.shape))
    padding = [(0, 0)] * len(sizes) if isinstance(layer.padding, str) else layer.padding
    if layer.padding == "same":
        raise NotWrittenError(f'{told(layer)} has padding="same" and ceil_mode, which Keras lacks')
    return [
        (begin, max(0, (count - 1) * stride + window - size - begin))
        for (begin, _), size, count, window, stride in zip(
            padding, sizes, counts, layer.pool_size, layer.strides, strict=True
        )
    ]


def words_arguments(layer: layers.Operation, node: Node) -> tuple[Any, ...]:
    """Returns the tensors that a function is called with, and the numbers in their places."""
    from cnnfast.ops.operation import TABLE

    entry = TABLE[layer.operation]

    def given(argument: Any) -> Any:
        if isinstance(argument, dict):
            return node.call.sources[argument["tensor"]]
        if isinstance(argument, list):
            return [given(each) for each in argument]
        return argument

    arguments = layer.get_config()["arguments"]
    return tuple(given(arguments[name]) for name in (*entry.tensors, *entry.lists))
