"""Weights from files of PyTorch, safetensors, Keras and NumPy: formats, layouts, reports, refusals."""

import sys
import zipfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import torch_files
from support.nets import refusal
from support.torch_files import Call, Global, Persistent
from support.weight_files import FORMATS, STATE, check, file_of, net, normal, npz, outputs_of, safetensors

import cnnfast
from cnnfast import Input, Model, Sequential, layers, ops
from cnnfast.io import load_weights
from cnnfast.models import ModelFileError

_DENSE = (("weight", (4, 4)), ("bias", (4,)))


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(kind: str, tmp_path: Path) -> None:
    path = file_of(tmp_path, FORMATS[kind]())
    for names in (True, False):
        model = net(names)
        report = load_weights(model, path)
        assert report.complete
        # safetensors keeps no order; names sorted put the classifier first.
        order = "shape" if kind == "safetensors" else "order"
        assert report.by == ("name" if names else order)
        assert len(report.matched) == 10
        check(model)


def _chain(count: int) -> Sequential:
    return Sequential([Input((4,)), *(layers.Dense(4) for _ in range(count))])


def test_files_without_order_go_by_shapes_and_numbers(tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    state = {f"net.{place}.{role}": rng.normal(size=size) for place in range(12) for role, size in _DENSE}
    kept = {name: value.astype(np.float32) for name, value in state.items()}
    model = _chain(12)
    report = load_weights(model, file_of(tmp_path, safetensors(kept)))
    assert (report.by, report.complete) == ("shape", True)
    for place, layer in enumerate(model.layers[-12:]):
        np.testing.assert_array_equal(layer.kernel, kept[f"net.{place}.weight"].T)


def test_files_without_order_and_layers_alike_are_not_guessed(tmp_path: Path) -> None:
    state = {
        f"{name}.{role}": np.full(size, place, np.float32)
        for place, name in enumerate(("zeta", "alpha"))
        for role, size in _DENSE
    }
    path = file_of(tmp_path, safetensors(state))
    model = _chain(2)
    before = model.get_weights()
    with pytest.raises(ModelFileError, match=r"kernel from any of alpha, zeta, .*no order; give rename"):
        load_weights(model, path)
    report = load_weights(model, path, strict=False)
    assert not report.matched
    assert len(report.mismatched) == 4
    for one, other in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    names = dict(zip(("zeta", "alpha"), [layer.name for layer in model.layers[-2:]], strict=True))
    report = load_weights(
        model, path, rename=lambda name: names[name.split(".")[0]] + "." + name.split(".")[1]
    )
    assert (report.by, report.complete) == ("name", True)
    assert model.layers[-1].kernel.numpy().all()


def test_lists_in_files_without_order(tmp_path: Path) -> None:
    model, other = _chain(6), _chain(6)
    path = file_of(tmp_path, safetensors({str(k): each for k, each in enumerate(model.get_weights())}))
    assert load_weights(other, path).complete
    x = np.random.default_rng(1).normal(size=(3, 4)).astype(np.float32)
    np.testing.assert_array_equal(other.predict(x, verbose=0), model.predict(x, verbose=0))


def test_bfloat16_of_safetensors(tmp_path: Path) -> None:
    model = net(True)
    load_weights(model, file_of(tmp_path, safetensors(STATE, "BF16")))
    check(model, 2e-2)
    kernel = model.layers[0].kernel.numpy()
    cut = STATE["features.0.weight"].view(np.uint32) & 0xFFFF0000
    np.testing.assert_array_equal(kernel, cut.view(np.float32).transpose(2, 3, 1, 0))


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_numbers(dtype: str, tmp_path: Path) -> None:
    state = {name: value if value.dtype == np.int64 else value.astype(dtype) for name, value in STATE.items()}
    model = net()
    load_weights(model, file_of(tmp_path, torch_files.zipped(state)))
    check(model, state=state)


def test_strides_views_and_wrappers(tmp_path: Path) -> None:
    """Kernels in channels_last strides, a part of a storage, DataParallel's names, a checkpoint around it."""
    state: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for key, (name, value) in enumerate(STATE.items()):
        if name == "features.0.weight":
            value = np.ascontiguousarray(value.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        arrays[name] = value
        state[f"module.{name}"] = torch_files.tensor(str(key), value)
    both = np.concatenate([normal(3), STATE["classifier.2.bias"], normal(2)])
    arrays["both"] = both
    kind = Global("torch", "FloatStorage")
    storage = Persistent("storage", kind, str(len(STATE)), "cuda:3", both.size)
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    parameter = Global("torch._utils", "_rebuild_parameter")
    hooks = Call(Global("collections", "OrderedDict"))
    part = Call(rebuild, storage, 3, (4,), (1,), False, hooks)
    state["module.classifier.2.bias"] = Call(parameter, part, True, hooks)
    checkpoint = {"epoch": 3, "state_dict": state, "optimizer": {"lr": 0.1}}
    model = net()
    load_weights(model, file_of(tmp_path, torch_files.zipped(arrays, checkpoint)))
    check(model)


def test_parts_of_storages_in_old_files(tmp_path: Path) -> None:
    bias = STATE["classifier.2.bias"]
    state = dict(STATE) | {"classifier.2.bias": np.concatenate([normal(2), bias])}
    described: dict[str, Any] = {
        name: torch_files.tensor(str(k), value, view=(None,)) for k, (name, value) in enumerate(state.items())
    }
    kind = Global("torch", "FloatStorage")
    storage = Persistent("storage", kind, str(len(state) - 1), "cpu", 6, ("view", 2, 4))
    rebuild = Global("torch._utils", "_rebuild_tensor")
    described["classifier.2.bias"] = Call(rebuild, storage, 0, (4,), (1,))
    model = net()
    load_weights(model, file_of(tmp_path, torch_files.legacy(state, described)))
    check(model)


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("told", [True, False])
def test_flatten_in_both_formats(data_format: str, told: bool, tmp_path: Path) -> None:
    """Whether a flatten counts by pixel or by channel follows from layers before it and what it is told."""
    first = data_format == "channels_first"
    shape = (2, 6, 5) if first else (6, 5, 2)
    flatten = layers.Flatten(data_format=data_format) if told else layers.Flatten()
    inputs = Input(shape)
    x = layers.Conv2D(5, 3, activation="relu", data_format=data_format)(inputs)
    x = layers.BatchNormalization(1 if first else -1, epsilon=1e-5)(x)
    x = layers.Dense(6, activation="relu")(flatten(x))
    model = Model(inputs, layers.Dense(4)(x))
    load_weights(model, file_of(tmp_path, torch_files.zipped(STATE)))
    x = np.random.default_rng(1).normal(size=(3, 6, 5, 2)).astype(np.float32)
    out = model.predict(np.moveaxis(x, 3, 1) if first else x, verbose=0)
    np.testing.assert_allclose(out, outputs_of(x), rtol=1e-4, atol=1e-4)


class _Own(Model):
    """The same, of which only the layers show."""

    def __init__(self, head: Any) -> None:
        super().__init__()
        self.conv, self.norm = layers.Conv2D(5, 3), layers.BatchNormalization(epsilon=1e-5)
        self.head = head

    def call(self, inputs: Any) -> Any:
        x = self.norm(ops.relu(self.conv(inputs)))
        for layer in self.head:
            x = layer(x)
        return x


@pytest.mark.parametrize("nested", [False, True])
def test_flatten_in_models_with_a_call(nested: bool, tmp_path: Path) -> None:
    head: list[Any] = [
        layers.Flatten(),
        layers.Dropout(0.5),
        layers.Dense(6, activation="relu"),
        layers.Dense(4),
    ]
    model = _Own([Sequential([Input((4, 3, 5)), *head])] if nested else head)
    model.build((None, 6, 5, 2))
    load_weights(model, file_of(tmp_path, torch_files.zipped(STATE)))
    check(model)


def test_a_convolution_in_place_of_a_dense_layer(tmp_path: Path) -> None:
    """PyTorch's (out, in) serves a 1x1 convolution, its (out, in, 1, 1) or whole window a dense layer."""
    kernel = normal(4, 5)
    pixels = normal(2, 3, 3, 5)
    model = Sequential([Input((3, 3, 5)), layers.Conv2D(4, 1, use_bias=False)])
    load_weights(model, file_of(tmp_path, npz({"fc.weight": kernel})))
    np.testing.assert_allclose(model.predict(pixels, verbose=0), pixels @ kernel.T, rtol=1e-4, atol=1e-5)
    dense = Sequential([Input((5,)), layers.Dense(4, use_bias=False)])
    load_weights(dense, file_of(tmp_path, npz({"fc.weight": kernel.reshape(4, 5, 1, 1)})))
    np.testing.assert_array_equal(dense.get_weights()[0], kernel.T)
    window = normal(4, 5, 3, 3)
    dense = Sequential([Input((3, 3, 5)), layers.Flatten(), layers.Dense(4, use_bias=False)])
    load_weights(dense, file_of(tmp_path, npz({"fc.weight": window})))
    expected = np.einsum("nhwc,ochw->no", pixels, window)
    np.testing.assert_allclose(dense.predict(pixels, verbose=0), expected, rtol=1e-4, atol=1e-4)


def test_normalization_behind_a_flatten(tmp_path: Path) -> None:
    names = ("weight", "bias", "running_mean", "running_var")
    state = {f"bn.{name}": np.abs(normal(12)) + 0.5 for name in names}
    model = Sequential([Input((2, 3, 2)), layers.Flatten(), layers.BatchNormalization(epsilon=1e-5)])
    load_weights(model, file_of(tmp_path, npz(state)))
    by_pixel = [state[f"bn.{name}"].reshape(2, 2, 3).transpose(1, 2, 0).reshape(-1) for name in names]
    for got, expected in zip(model.get_weights(), by_pixel, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_depthwise_with_a_multiplier(tmp_path: Path) -> None:
    kernel = normal(6, 1, 2, 3)  # of three channels, two outputs each
    model = Sequential([Input((4, 4, 3)), layers.DepthwiseConv2D((2, 3), depth_multiplier=2, use_bias=False)])
    load_weights(model, file_of(tmp_path, npz({"conv.weight": kernel})))
    got = model.get_weights()[0]
    for channel in range(3):
        for place in range(2):
            np.testing.assert_array_equal(got[:, :, channel, place], kernel[2 * channel + place, 0])


# -- names, order, reports -------------------------------------------------------------------------------


def test_reports(tmp_path: Path) -> None:
    state = {name: value for name, value in STATE.items() if name != "features.0.bias"}
    state |= {"classifier.2.weight": normal(9, 6), "extra.weight": normal(2)}
    path = file_of(tmp_path, npz(state))
    model = net(True)
    before = model.get_weights()
    with pytest.raises(ModelFileError) as info:
        load_weights(model, path)
    refusal(info.value, "net.pth", "features.0/bias", "(9, 6)", "extra.weight", "strict=False")
    for old, new in zip(before, model.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    report = load_weights(model, path, strict=False)
    assert report.missing == ("features.0/bias",)
    assert report.mismatched == ("classifier.2/kernel (6, 4) from classifier.2.weight (9, 6)",)
    assert report.unused == ("extra.weight",)
    assert len(report.matched) == 8
    assert report.matched["features.1/moving_variance"] == "features.1.running_var"
    assert str(report).startswith("8 of 10 weights set, by name; missing: features.0/bias; mismatched: ")
    np.testing.assert_array_equal(model.layers[0].bias.numpy(), before[1])
    np.testing.assert_array_equal(
        model.layers[0].kernel.numpy(), STATE["features.0.weight"].transpose(2, 3, 1, 0)
    )
    assert load_weights(net(True), file_of(tmp_path, npz(STATE | {"aux.weight": np.ones(1)})), spare=["aux."])


def test_names_come_before_the_order(tmp_path: Path) -> None:
    turned = dict(reversed(STATE.items()))
    model = net(True)
    assert load_weights(model, file_of(tmp_path, npz(turned))).by == "name"
    check(model)
    with pytest.raises(ModelFileError, match="by order"):
        load_weights(net(), tmp_path / "net.pth")
    with pytest.raises(ModelFileError, match="0 of 10 weights set, by name"):
        load_weights(net(), tmp_path / "net.pth", by="name")
    with pytest.raises(ValueError, match="by must be one of"):
        load_weights(net(), tmp_path / "net.pth", by="size")


def test_the_order_goes_past_what_is_spare(tmp_path: Path) -> None:
    """A second head between: each layer takes the next module that suits it."""
    state: dict[str, np.ndarray] = {}
    for name, value in STATE.items():
        if name == "classifier.0.weight":
            state |= {"aux.weight": normal(3, 7), "aux.bias": normal(3)}
        state[name] = value
    model = net()
    report = load_weights(model, file_of(tmp_path, npz(state)), strict=False)
    assert report.unused == ("aux.weight", "aux.bias")
    assert not report.missing
    check(model)


def test_rename(tmp_path: Path) -> None:
    state = {name.replace("features", "trunk"): value for name, value in STATE.items()}
    model = net(True)
    report = load_weights(
        model, file_of(tmp_path, npz(state)), by="name", rename=lambda name: name.replace("trunk", "features")
    )
    assert report.complete
    check(model)


def test_a_list_of_arrays(tmp_path: Path) -> None:
    model, other = net(), net()
    np.savez(tmp_path / "net.npz", *model.get_weights())
    report = load_weights(other, tmp_path / "net.npz")
    assert report.matched["/".join([other.layers[0].name, "bias"])] == "arr_1"
    for old, new in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


def test_what_save_weights_wrote(tmp_path: Path) -> None:
    def net() -> Sequential:
        return Sequential([Input((6, 5, 2)), layers.SeparableConv2D(3, 3), layers.Flatten(), layers.Dense(2)])

    model, other = net(), net()
    model.save_weights(tmp_path / "net")
    assert load_weights(other, tmp_path / "net.safetensors").by == "name"
    for old, new in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)
    model.save(tmp_path / "net.cnnfast")
    with pytest.raises(ModelFileError, match=r"model\.load_weights\(file\)"):
        load_weights(other, tmp_path / "net.cnnfast")


def test_one_name_of_two_counts(tmp_path: Path) -> None:
    """Or else a new head would get another head's numbers, as the order has them."""
    file = file_of(tmp_path, npz({f"{name}.weight": np.ones((3, 3)) for name in ("fc", "old", "older")}))
    model = Sequential([Input((3,)), layers.Dense(3, use_bias=False, name="fc")])
    model.add(layers.Dense(3, use_bias=False, name="new"))
    report = load_weights(model, file, strict=False)
    assert (report.by, report.missing, report.unused) == (
        "name",
        ("new/kernel",),
        ("old.weight", "older.weight"),
    )
    with pytest.raises(TypeError, match="Model or Sequential, got Dense"):
        load_weights(model.layers[0], file)  # type: ignore[arg-type]


def test_the_shape_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not know its input's shape"):
        load_weights(Sequential([layers.Dense(2)]), file_of(tmp_path, npz(STATE)))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_weights(net(), tmp_path / "absent.pth")


# -- Keras's files ---------------------------------------------------------------------------------------


def _keras_arrays() -> dict[str, list[np.ndarray]]:
    """By what Keras calls layers of this kind."""
    return {
        "conv2d": [normal(3, 3, 2, 5), normal(5)],
        "batch_normalization": [normal(5), normal(5), normal(5), np.abs(normal(5))],
        "dense": [normal(60, 6), normal(6)],
        "dense_1": [normal(6, 4), normal(4)],
    }


def test_keras_3(tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="writes HDF5: pip install 'cnnfast[h5]'")
    arrays = _keras_arrays()
    path = tmp_path / "net.weights.h5"
    with h5py.File(path, "w") as file:
        for layer, weights in arrays.items():
            for place, value in enumerate(weights):
                file[f"layers/{layer}/vars/{place}"] = value
        file["optimizer/vars/0"] = np.zeros(1)
    model = net()
    assert load_weights(model, path).by == "name"
    for got, expected in zip(model.get_weights(), chain(*arrays.values()), strict=True):
        np.testing.assert_array_equal(got, expected)
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(path, "model.weights.h5")
    other = net()
    assert load_weights(other, tmp_path / "net.keras").complete
    np.testing.assert_array_equal(other.get_weights()[0], arrays["conv2d"][0])


def test_keras_3_counts_by_place(tmp_path: Path) -> None:
    """Its "dense" is the first of the model, ours by that name the one that was made first."""
    h5py = pytest.importorskip("h5py", reason="writes HDF5: pip install 'cnnfast[h5]'")
    kernels = [normal(4, 4), normal(4, 4)]
    with h5py.File(tmp_path / "net.weights.h5", "w") as file:
        for name, kernel in zip(("dense", "dense_1"), kernels, strict=True):
            file[f"layers/{name}/vars/0"] = kernel
    second, first = (layers.Dense(4, use_bias=False, name=name) for name in ("dense", "dense_1"))
    model = Sequential([Input((4,)), first, second])
    assert load_weights(model, tmp_path / "net.weights.h5").by == "name"
    np.testing.assert_array_equal(first.kernel.numpy(), kernels[0])


def test_made_up_names_do_not_count_against_the_order(tmp_path: Path) -> None:
    """A file made after other models has other numbers in its names; some of ours are among them."""
    state = {f"dense_{number}/kernel": normal(4, 4) for number in (2, 3, 4, 5)}
    hidden = [layers.Dense(4, use_bias=False, name=f"dense_{number}") for number in (1, 2, 3, 4)]
    model = Sequential([Input((4,)), *hidden])
    assert load_weights(model, file_of(tmp_path, npz(state))).by == "order"
    for layer, kernel in zip(hidden, state.values(), strict=True):
        np.testing.assert_array_equal(layer.kernel.numpy(), kernel)


@pytest.mark.parametrize("whole", [True, False])
def test_keras_2(whole: bool, tmp_path: Path) -> None:
    h5py = pytest.importorskip("h5py", reason="writes HDF5: pip install 'cnnfast[h5]'")
    arrays, names = _keras_arrays(), ("kernel", "bias")
    statistics = ("gamma", "beta", "moving_mean", "moving_variance")
    with h5py.File(tmp_path / "net.h5", "w") as file:
        root = file.create_group("model_weights") if whole else file
        root.attrs["layer_names"] = [f"{layer}_7".encode() for layer in (*arrays, "flatten")]
        root.create_group("flatten_7").attrs["weight_names"] = np.zeros(0, "S1")
        for layer, weights in arrays.items():
            kinds = statistics if len(weights) == 4 else names
            paths = [f"{layer}_7/{kind}:0" for kind in kinds]
            group = root.create_group(f"{layer}_7")
            group.attrs["weight_names"] = [path.encode() for path in paths]
            for name, value in zip(paths, weights, strict=True):
                group[name] = value
    model = net()
    assert load_weights(model, tmp_path / "net.h5").by == "order"
    for got, expected in zip(model.get_weights(), chain(*arrays.values()), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_hdf5_reads_no_other_file(tmp_path: Path) -> None:
    """A data set may lie in any file of the machine, and its numbers would become weights."""
    h5py = pytest.importorskip("h5py", reason="writes HDF5: pip install 'cnnfast[h5]'")
    secret = file_of(tmp_path, np.arange(6, dtype=np.float32).tobytes(), "secret")
    with h5py.File(tmp_path / "outside.h5", "w") as file:
        file.create_dataset("layers/dense/vars/0", (3, 2), "f4", external=[(str(secret), 0, 24)])
        file["layers/dense/vars/1"] = np.zeros(2, np.float32)
    with h5py.File(tmp_path / "linked.h5", "w") as file:
        file["layers/dense/vars/0"] = h5py.ExternalLink("other.h5", "kernel")
        file["layers/dense/vars/1"] = np.zeros(2, np.float32)
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["kernel"] = np.ones((3, 2), np.float32)
    model = Sequential([Input((3,)), layers.Dense(2)])
    with pytest.raises(ModelFileError, match="in other files"):
        load_weights(model, tmp_path / "outside.h5")
    with pytest.raises(ModelFileError, match=r"missing: dense.*/kernel"):
        load_weights(model, tmp_path / "linked.h5")


def test_without_h5py(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=r"pip install 'cnnfast\[h5\]'"):
        load_weights(net(), file_of(tmp_path, b"\x89HDF\r\n\x1a\n" + bytes(100)))


# -- a network that someone else trained ------------------------------------------------------------------


@pytest.mark.mnist
def test_mnist_network_of_someone_else(data_folder: Callable[[str], Path]) -> None:
    """Saved on a CUDA device; 99.05 % of MNIST's test set are right."""
    model = Sequential(
        [
            Input((28, 28, 1)),
            layers.Conv2D(32, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Conv2D(64, 3, padding="same", activation="relu"),
            layers.MaxPooling2D(),
            layers.Flatten(),
            layers.Dense(128, activation="relu"),
            layers.Dense(10, activation="softmax"),
        ]
    )
    load_weights(model, data_folder("weights") / "ccexam_mnist.pth")
    data_folder("mnist")
    _, (x, y) = cnnfast.datasets.mnist.load_data()
    predicted = model.predict((x[..., None] / np.float32(255) - 0.1307) / 0.3081, verbose=0)
    assert (predicted.argmax(1) == y).mean() == pytest.approx(0.9905, abs=2e-4)
