"""Models as C files: they compile without a warning and answer as the model does."""

import ctypes
import re
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Model, Sequential, applications, io, layers, ops
from cnnfast.cli import recipes
from cnnfast.io.c.exporting import identifier

_FLAGS = ["-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror", "-O1", "-shared", "-fPIC"]
_FIRST = {"data_format": "channels_first"}


def _compiled(model: Any, path: Path) -> Callable[..., Any]:
    """Exports and compiles it; returns its function on arrays of one sample."""
    model.export_c(path)
    library = path.with_suffix(".so")
    compiler = shutil.which("cc") or shutil.which("gcc")
    assert compiler, "a C compiler made cnnfast, and must be here"
    subprocess.run([compiler, *_FLAGS, str(path), "-o", str(library), "-lm"], check=True)
    function = getattr(ctypes.CDLL(str(library)), identifier(path.stem))
    function.restype = None
    return function  # type: ignore[no-any-return]


def _perturb(model: Any) -> None:
    """Weights that leave nothing out: statistics and biases, too, are other than they begin."""
    rng = np.random.default_rng(1)
    model.set_weights([each + rng.uniform(0, 0.3, each.shape) for each in model.get_weights()])


def _check(model: Any, path: Path) -> None:
    _perturb(model)
    function, rng = _compiled(model, path), np.random.default_rng(0)
    shapes = model.input_shape if isinstance(model.input_shape, list) else [model.input_shape]
    for _ in range(2):  # the second finds the arena as the first left it
        inputs = [rng.standard_normal((1, *shape[1:]), np.float32) for shape in shapes]
        wanted = model.predict(inputs if len(inputs) > 1 else inputs[0], verbose=0)
        wanted = wanted if isinstance(wanted, list) else [wanted]
        got = [np.full(each.shape[1:], np.nan, np.float32) for each in wanted]
        function(*(ctypes.c_void_p(each.ctypes.data) for each in (*inputs, *got)))
        for one, other in zip(got, wanted, strict=True):
            np.testing.assert_allclose(one, other[0], rtol=0, atol=1e-5 * max(np.abs(other).max(), 1))


def _inverted() -> Model:
    """A block of MobileNetV3: widened, filtered, squeezed and excited, narrowed, added."""
    inputs = x = Input((12, 14, 8))
    x = layers.Conv2D(16, 1, use_bias=False)(x)
    x = layers.Activation("hard_swish")(layers.BatchNormalization()(x))
    x = layers.DepthwiseConv2D(3, padding="same", use_bias=False)(x)
    x = layers.ReLU(6.0)(layers.BatchNormalization()(x))
    gate = layers.GlobalAveragePooling2D(keepdims=True)(x)
    gate = layers.Conv2D(16, 1, activation="hard_sigmoid")(layers.Conv2D(4, 1, activation="relu")(gate))
    x = layers.BatchNormalization()(layers.Conv2D(8, 1)(layers.Multiply()([x, gate])))
    x = layers.Add()([x, inputs])
    x = layers.Dropout(0.5)(layers.GlobalMaxPooling2D()(x))
    return Model(inputs, layers.Dense(5, activation="softmax")(x))


def _branches() -> Model:
    """Several inputs and outputs; one is read often, one is an output and read on."""
    one, other = Input((9, 9, 4)), Input((4,))
    left = layers.Conv2D(6, 3, padding="same", dilation_rate=2, groups=2, activation="silu")(one)
    right = layers.ZeroPadding2D(((1, 0), (0, 1)))(layers.Cropping2D(((0, 1), (1, 0)))(one))
    joined = layers.Concatenate()([left, right, one])
    scaled = layers.Multiply()([joined, layers.Reshape((1, 1, 14))(layers.Dense(14)(other))])
    return Model([one, other], [scaled, layers.Subtract()([scaled, joined])])


LAYERS: dict[str, tuple[tuple[int, ...], list[Callable[[], Any]]]] = {
    "strided": ((3, 11, 10), [lambda: layers.Conv2D(5, (3, 2), (2, 3), padding="same", **_FIRST)]),
    "depthwise": ((7, 8, 3), [lambda: layers.DepthwiseConv2D(3, 2, padding="same", depth_multiplier=2)]),
    "depthwise_first": ((3, 7, 8), [lambda: layers.DepthwiseConv2D(3, padding="same", **_FIRST)]),
    "norm_first": ((3, 7, 8), [lambda: layers.BatchNormalization(axis=1), lambda: layers.ReLU()]),
    "transposed": ((5, 6, 3), [lambda: layers.Conv2DTranspose(4, 3, 2, padding="same")]),
    "transposed_wide": ((5, 6, 3), [lambda: layers.Conv2DTranspose(4, 2, 3)]),
    "pools": (
        (9, 8, 3),
        [lambda: layers.MaxPooling2D(3, 2, "same"), lambda: layers.AveragePooling2D(2, 1, "same")],
    ),
    "pool_first": (
        (3, 9, 8),
        [lambda: layers.AveragePooling2D(2, **_FIRST), lambda: layers.Flatten(**_FIRST)],
    ),
    "up": ((4, 5, 3), [lambda: layers.UpSampling2D((2, 3)), lambda: layers.Permute((3, 1, 2))]),
    "line": ((20, 4), [lambda: layers.Conv1D(6, 5, 2, activation="gelu"), lambda: layers.MaxPooling1D(2)]),
    "times": ((3, 6, 6, 2), [lambda: layers.TimeDistributed(layers.Conv2D(4, 3)), lambda: layers.Flatten()]),
    "normalized": ((6, 8), [lambda: layers.LayerNormalization(), lambda: layers.Dense(3, activation="elu")]),
    "grouped": ((6, 6, 8), [lambda: layers.GroupNormalization(4), lambda: layers.PReLU()]),
    "softmax": ((6, 7), [lambda: layers.Softmax(), lambda: layers.Cropping1D((1, 2))]),
    "softmax_rows": ((6, 7), [lambda: layers.Softmax(axis=1), lambda: layers.LeakyReLU()]),
    "separable": ((8, 8, 3), [lambda: layers.SeparableConv2D(5, 3, activation="softplus")]),
    "shuffled": ((4, 5, 8), [lambda: layers.Reshape((4, 10, 4)), lambda: layers.Activation("mish")]),
    "transposed_groups": ((5, 6, 4), [lambda: layers.Conv2DTranspose(6, 3, 2, padding="same", groups=2)]),
    **{
        f"resized_{kind}": (
            (7, 5, 3),
            [lambda kind=kind: layers.Resizing(4, 9, kind, antialias=kind != "nearest")],
        )
        for kind in ("nearest", "bilinear", "bicubic", "lanczos3")
    },
    "larger": ((4, 5, 3), [lambda: layers.UpSampling2D((2, 3), interpolation="bilinear")]),
    "larger_first": ((3, 4, 5), [lambda: layers.UpSampling2D(2, interpolation="bicubic", **_FIRST)]),
    **{
        f"edge_{mode}": (
            (6, 7, 2),
            [lambda mode=mode: layers.Conv2D(3, 4, padding="same", padding_mode=mode)],
        )
        for mode in ("reflect", "replicate", "circular")
    },
    "edge_first": (
        (2, 6, 7),
        [lambda: layers.Conv2D(3, 3, padding="same", padding_mode="reflect", **_FIRST)],
    ),
    "squares": ((4, 5, 12), [lambda: layers.PixelShuffle(2), lambda: layers.Activation("tanh")]),
    "squares_first": ((8, 4, 5), [lambda: layers.DepthToSpace(2, "channels_first")]),
    "depths": ((4, 6, 3), [lambda: layers.Lambda(lambda x: ops.space_to_depth(x, 2))]),
    "embedded": ((5,), [lambda: layers.Lambda(ops.absolute), lambda: layers.Embedding(7, 3)]),
    "nothing": ((4,), [lambda: layers.Dropout(0.5)]),
}


def _attention() -> Model:
    """Every position from all others, and cells that others choose."""
    one, other = Input((6, 4)), Input((4, 5))
    scores = ops.matmul(one, other)  # (6, 5)
    mixed = ops.matmul(ops.softmax(scores), ops.transpose(other, (0, 2, 1)))
    shared = ops.matmul(np.arange(12, dtype=np.float32).reshape(2, 6) / 12, one)  # (2, 4)
    line = ops.matmul(one, np.arange(4, dtype=np.float32))  # (6,)
    chosen = ops.take_along_axis(mixed, ops.cast(ops.greater(one, 0.0), "float32") * 2.0, axis=1)
    few = ops.take(mixed, [[2, -1], [0, 2]], axis=1)  # (2, 2, 4)
    rows = ops.take(np.arange(8, dtype=np.float32).reshape(2, 4), ops.greater(line, 1.0), axis=0)
    return Model([one, other], [shared, line, chosen, few, rows])


NETWORKS: dict[str, Callable[[], Any]] = {
    "attention": _attention,
    "branches": _branches,
    "cifar_cnn": lambda: recipes.cifar_cnn((32, 32), 10),
    "cnn": lambda: recipes.cnn((28, 28), 10),
    "inverted": _inverted,
    "lenet5": applications.LeNet5,
    "mlp": lambda: recipes.mlp((8, 8), 4),
    "squeezenet": lambda: applications.SqueezeNet(input_shape=(32, 32, 3), classes=3),
    "unet": lambda: applications.UNet(filters=4, depth=2, input_shape=(16, 24, 2)),
}


@pytest.mark.parametrize("name", LAYERS)
def test_layers(name: str, tmp_path: Path) -> None:
    shape, made = LAYERS[name]
    cnnfast.set_random_seed(0)
    _check(Sequential([Input(shape), *(make() for make in made)]), tmp_path / f"{name}.c")


@pytest.mark.parametrize("name", NETWORKS)
def test_networks(name: str, tmp_path: Path) -> None:
    cnnfast.set_random_seed(0)
    _check(NETWORKS[name](), tmp_path / f"{name}.c")


def test_a_network_from_onnx(data_folder: Callable[[str], Path], tmp_path: Path) -> None:
    """MobileNetV3 that tells the direction of text."""
    pytest.importorskip("onnx", reason="the file is ONNX's: pip install 'cnnfast[onnx]'")
    model = io.load_onnx(data_folder("onnx") / "ch_ppocr_mobile_v2.0_cls_infer.onnx")
    inputs = Input(model.input_shape[1:] if None not in model.input_shape[1:] else (3, 48, 192))
    _check(Model(inputs, model(inputs)), tmp_path / "direction.c")


def test_the_file_tells_what_it_takes(tmp_path: Path) -> None:
    """The arena holds what lives at a time, not all that is made; the name is one of C's."""
    deep = Sequential([Input((16, 16, 4)), *(layers.Conv2D(4, 3, padding="same") for _ in range(9))])
    deep.export_c(tmp_path / "my net.c")
    text = (tmp_path / "my net.c").read_text()
    assert "void my_net(const float *input, float *output)" in text
    (size,) = re.findall(r"static float arena\[(\d+)\]", text)
    assert int(size) == 2 * 16 * 16 * 4
    assert "depthwise" not in text


def test_what_has_no_code_is_named_before_a_byte_is_written(tmp_path: Path) -> None:
    path = tmp_path / "net.c"
    path.write_text("as it was")
    cubes = Sequential([Input((4, 4, 4, 2)), layers.Conv3D(2, 2, name="cubes"), layers.Flatten()])
    with pytest.raises(NotImplementedError, match="layer 'cubes' cannot be written as C"):
        cubes.export_c(path)
    with pytest.raises(ValueError, match="unknown sizes"):
        Sequential([Input((None, None, 2)), layers.Conv2D(2, 3)]).export_c(path)
    assert path.read_text() == "as it was"
    assert list(tmp_path.iterdir()) == [path]
