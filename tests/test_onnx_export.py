"""Models as ONNX files: checked by ONNX, run by its reference, and read again."""

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX files need its package: pip install 'cnnfast[onnx]'")

from onnx.reference import ReferenceEvaluator
from support.exported import NETWORKS, network
from support.layer_rows import APART, BOTH, LACKED, OWN

import cnnfast
from cnnfast import io, layers, ops
from cnnfast.layers import Input

IMAGE, VECTOR, ROW, VOLUME = (9, 8, 4), (6,), (9, 4), (5, 6, 7, 4)


def _transformed(x: Any, **how: Any) -> Any:
    return ops.image.affine_transform(x, [0.9, 0.2, -1.3, -0.1, 1.2, 0.4, 0.01, 0.0], fill_value=0.5, **how)


# A shape of samples, and what is made of them.
ROWS: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "conv": (IMAGE, layers.Conv2D(6, 3, 2, "same", dilation_rate=1, activation="relu")),
    "conv1d causal": (ROW, layers.Conv1D(6, 3, padding="causal")),
    "conv3d": (VOLUME, layers.Conv3D(2, 3, padding=1, groups=2)),
    "conv first": (
        (4, 9, 8),
        layers.Conv2D(6, 3, data_format="channels_first", padding_mode="reflect", padding=1),
    ),
    "depthwise": (IMAGE, layers.DepthwiseConv2D(3, depth_multiplier=2)),
    "separable": (IMAGE, layers.SeparableConv2D(5, 3)),
    "transposed": (IMAGE, layers.Conv2DTranspose(5, 3, 2, "same")),
    "transposed valid": (IMAGE, layers.Conv2DTranspose(5, 2, 3)),
    "transposed cut": (IMAGE, layers.Conv2DTranspose(4, 4, 2, 1)),
    "dense": (VECTOR, layers.Dense(3, "tanh")),
    "dense of images": (IMAGE, layers.Dense(3, "softmax")),
    "batch normalization": (IMAGE, layers.BatchNormalization()),
    "batch normalization, no shift": (VECTOR, layers.BatchNormalization(center=False)),
    "layer normalization": (IMAGE, layers.LayerNormalization()),
    "group normalization": (IMAGE, layers.GroupNormalization(2)),
    "local response": (IMAGE, layers.LocalResponseNormalization(3)),
    "max pool": (IMAGE, layers.MaxPooling2D(3, 2, "same")),
    "average pool": (IMAGE, layers.AveragePooling2D(2, padding=1, count_include_pad=True, ceil_mode=True)),
    "lp pool": (IMAGE, layers.LpPooling2D(2.0, 2)),
    "global": (IMAGE, layers.GlobalAveragePooling2D()),
    "adaptive": (IMAGE, layers.AdaptiveAveragePooling2D((4, 3))),
    "adaptive max": (IMAGE, layers.AdaptiveMaxPooling2D((4, 3))),
    "flatten": (IMAGE, layers.Flatten()),
    "flatten first": (IMAGE, layers.Flatten("channels_first")),
    "reshape": (IMAGE, layers.Reshape((-1, 6))),
    "permute": (IMAGE, layers.Permute((3, 1, 2))),
    "padding": (IMAGE, layers.ZeroPadding2D(((1, 0), (2, 3)))),
    "cropping": (IMAGE, layers.Cropping2D(2)),
    "up": (IMAGE, layers.UpSampling2D((2, 3))),
    "up bilinear": (IMAGE, layers.UpSampling2D(2, interpolation="bilinear")),
    "resizing": (IMAGE, layers.Resizing(5, 11)),
    "resizing nearest": (IMAGE, layers.Resizing(5, 11, "nearest")),
    "resizing bicubic": (IMAGE, layers.Resizing(5, 11, "bicubic")),
    "depth to space": (IMAGE, layers.DepthToSpace(2)),
    "shuffle": (IMAGE, layers.PixelShuffle(2)),
    "repeat": (VECTOR, layers.RepeatVector(3)),
    "prelu": (IMAGE, layers.PReLU(shared_axes=[1, 2])),
    "activations": (
        VECTOR,
        lambda x: ops.gelu(ops.selu(x)) + ops.mish(x) * ops.hard_silu(x) - ops.softplus(x),
    ),
    "arithmetic": (
        VECTOR,
        lambda x: ops.sqrt(ops.abs(x)) / (1.0 + ops.exp(x)) ** 2 + ops.where(x > 0, x, ops.sin(x)),
    ),
    "comparisons": (
        VECTOR,
        lambda x: (x != 0.5) + (x <= 0.1) + ops.floor(x * 3) + ops.expm1(x) + ops.log1p(x * x),
    ),
    "reductions": (IMAGE, lambda x: ops.max(x, [1, 2]) + ops.mean(x, [1, 2]) * ops.prod(x[:, 0], 1)),
    "places of extremes": (IMAGE, lambda x: ops.argmax(x, -1) + ops.argmin(x, -1)),
    "products": (ROW, lambda x: ops.matmul(x, ops.transpose(x, (0, 2, 1)))),
    "slices": (IMAGE, lambda x: x[:, 1:7:2, ::-1]),
    "joined": (IMAGE, lambda x: ops.concatenate([x, ops.flip(x, 1), ops.roll(x, 2, 2)], -1)),
    "sorted": (VECTOR, lambda x: ops.sort(x)),
    "largest": (VECTOR, lambda x: ops.top_k(x, 2)[0]),
    "residual": (IMAGE, lambda x: layers.add([x, layers.Conv2D(4, 3, padding="same")(x)])),
    "dropout": (VECTOR, layers.Dropout(0.5)),
}

SAME = np.array([1, 0, 0, 0, 1, 0, 0, 0], np.float32)
# What is read at places; ONNX's reference has other names there, in all opsets.
PLACED: dict[str, tuple[tuple[int, ...], Callable[[Any], Any]]] = {
    "read at places": (IMAGE, lambda x: ops.image.grid_sample(x, x[..., :2] * 0.7 - 0.3)),
    **{
        f"transformed, {mode}, {beyond}": (
            shape,
            partial(_transformed, interpolation=mode, fill_mode=beyond, data_format=layout),
        )
        for mode in ("nearest", "bilinear")
        for beyond in ("constant", "nearest", "reflect", "mirror")
        for shape, layout in ((IMAGE, "channels_last"), ((4, 9, 8), "channels_first"))
    },
    "transformed, each its own way": (
        IMAGE,
        lambda x: ops.image.affine_transform(x, ops.reshape(x[:, 0, :2], (None, 8)) * 0.1 + SAME),
    ),
    "read at some places": (
        IMAGE,
        lambda x: ops.image.grid_sample(x, x[:, :, 0, :2], padding_mode="border", align_corners=True),
    ),
}


def model_of(shape: tuple[int | None, ...], make: Callable[[Any], Any]) -> Any:
    x = Input(shape)
    model = cnnfast.Model(x, make(x))
    random = np.random.default_rng(3)
    model.set_weights(
        [random.uniform(0.5, 1.5, each.shape) - 0.5 * (each.ndim > 1) for each in model.get_weights()]
    )
    return model


def check(model: Any, x: Any, folder: Path) -> None:
    io.save_onnx(model, folder / "net.onnx")
    wanted = model.predict(x, verbose=0)
    session = ReferenceEvaluator(str(folder / "net.onnx"))
    (made,) = session.run(None, {session.input_names[0]: x})
    tolerance = {"rtol": 1e-4, "atol": 1e-5 * max(1.0, float(np.abs(wanted).max()))}
    np.testing.assert_allclose(made, wanted, **tolerance)
    np.testing.assert_allclose(io.load_onnx(folder / "net.onnx").predict(x, verbose=0), wanted, **tolerance)


@pytest.mark.parametrize("name", ROWS)
def test_layers_and_words(name: str, tmp_path: Path) -> None:
    shape, make = ROWS[name]
    x = np.random.default_rng(1).normal(size=(2, *shape)).astype(np.float32)
    check(model_of(shape, make), x, tmp_path)


def test_names_that_are_made_up_are_none_of_the_file(tmp_path: Path) -> None:
    save = tmp_path / "net.onnx"
    io.save_onnx(model_of(IMAGE, layers.DepthToSpace(2, name="depth_to_space")), save)
    cnnfast.utils.clear_session()
    names = [layer.name for layer in io.load_onnx(save).layers]
    assert len(set(names)) == len(names)


def test_a_nested_model_and_one_with_a_call(tmp_path: Path) -> None:
    class Twice(layers.Layer):
        def __init__(self) -> None:
            super().__init__()
            self.dense = layers.Dense(6)

        def call(self, inputs: Any) -> Any:
            return self.dense(ops.tanh(self.dense(inputs)))

    inner = model_of(VECTOR, layers.Dense(6))
    x = np.random.default_rng(1).normal(size=(3, 6)).astype(np.float32)
    check(model_of(VECTOR, lambda symbol: inner(Twice()(inner(symbol)))), x, tmp_path)


def test_images_of_any_size(tmp_path: Path) -> None:
    model = model_of(
        (None, None, 3), lambda x: layers.GlobalMaxPooling2D()(layers.Conv2D(4, 3, 2, "same")(x))
    )
    for shape in ((1, 12, 9, 3), (2, 7, 15, 3)):
        check(model, np.random.default_rng(1).normal(size=shape).astype(np.float32), tmp_path)


@pytest.mark.parametrize(("kind", "size"), [("Max", 2), ("Max", 3), ("Average", 2)])
def test_windows_that_reach_beyond_images_of_any_size(kind: str, size: int, tmp_path: Path) -> None:
    layer = getattr(layers, f"{kind}Pooling2D")
    model = model_of((None, None, 3), layer(size, 2, ceil_mode=True))
    for shape in ((1, 12, 9, 3), (2, 7, 15, 3), (1, 6, 16, 3)):
        check(model, np.random.default_rng(1).normal(size=shape).astype(np.float32), tmp_path)


def test_what_depends_on_sizes_that_are_not_halved_is_refused(tmp_path: Path) -> None:
    """Of the two examples that an Input has, nothing is left over."""
    model = model_of((None, None, 3), layers.LpPooling2D(2.0, 2, ceil_mode=True))
    with pytest.raises(ValueError, match="fixed"):
        io.save_onnx(model, tmp_path / "net.onnx")


def test_what_depends_on_open_sizes_is_refused(tmp_path: Path) -> None:
    model = model_of((None, None, 3), lambda x: ops.mean(layers.Resizing(5, 5)(x), [1, 2]))
    with pytest.raises(ValueError, match="fixed"):
        io.save_onnx(model, tmp_path / "net.onnx")


def test_what_onnx_has_no_operator_for_is_refused(tmp_path: Path) -> None:
    model = model_of((3, 3), lambda x: ops.inv(x))
    with pytest.raises(NotImplementedError, match="NumPy"):
        io.save_onnx(model, tmp_path / "net.onnx")
    assert not (tmp_path / "net.onnx").exists()


# -- ONNX Runtime --------------------------------------------------------------------------------------------


def check_in_runtime(model: Any, x: Any, path: Path) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="compares with ONNX Runtime: pip install onnxruntime")
    io.save_onnx(model, path)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    session = runtime.InferenceSession(path, options)
    (made,) = session.run(None, {session.get_inputs()[0].name: x})
    wanted = model.predict(x, verbose=0)
    np.testing.assert_allclose(made, wanted, atol=1e-4 * max(np.abs(wanted).max(), 1e-3), rtol=0)


EVERY = {
    **ROWS,
    **PLACED,
    **{f"both {number}": (shape, make(layers)) for number, (make, shape) in enumerate(BOTH)},
    **{f"own {number}": (shape, make()) for number, (make, shape) in enumerate([*OWN, *LACKED])},
}


@pytest.mark.peers
@pytest.mark.parametrize("name", EVERY)
def test_layers_run_in_onnx_runtime(name: str, tmp_path: Path) -> None:
    shape, make = EVERY[name]
    x = np.random.default_rng(1).uniform(0, 1, (2, *shape)).astype(np.float32)
    kept = isinstance(make, layers.Normalization)  # whose weights are numbers that it was given
    model = cnnfast.Model(symbol := Input(shape), make(symbol)) if kept else model_of(shape, make)
    check_in_runtime(model, x, tmp_path / "net.onnx")


@pytest.mark.parametrize("name", PLACED)
def test_places_come_back(name: str, tmp_path: Path) -> None:
    shape, make = PLACED[name]
    model, x = model_of(shape, make), np.random.default_rng(1).uniform(0, 1, (2, *shape)).astype(np.float32)
    io.save_onnx(model, tmp_path / "net.onnx")
    made = io.load_onnx(tmp_path / "net.onnx").predict(x, verbose=0)
    np.testing.assert_allclose(made, model.predict(x, verbose=0), rtol=1e-4, atol=1e-5)


def test_places_that_onnx_cannot_read_are_refused(tmp_path: Path) -> None:
    models = [
        model_of(IMAGE, partial(_transformed, fill_mode="wrap")),
        model_of((9, 1), lambda x: ops.image.grid_sample(x, x)),
    ]
    for model in models:
        with pytest.raises(NotImplementedError, match="read at places"):
            io.save_onnx(model, tmp_path / "net.onnx")


def test_every_layer_is_there() -> None:
    """Each is in a model that ONNX Runtime runs, so in one that Keras runs, if it has it."""
    wanted = {getattr(layers, name) for name in layers.__all__}
    wanted = {each for each in wanted if isinstance(each, type) and issubclass(each, layers.Layer)}
    found = {type(layer) for shape, make in EVERY.values() for layer in model_of(shape, make).layers}
    assert sorted(each.__name__ for each in wanted - found) == sorted(
        set(APART) - {"InputLayer", "Operation"}
    )


@pytest.mark.peers
@pytest.mark.parametrize("name", NETWORKS)
def test_known_networks_run_in_onnx_runtime(
    name: str, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    model = network(name, request)
    x = np.random.default_rng(4).uniform(0, 1, (2, *model.input_shape[1:])).astype(np.float32)
    made = model.predict(x, verbose=0)
    assert np.ptp(made) > 0.01 * np.abs(made).max()
    check_in_runtime(model, x, tmp_path / "net.onnx")
