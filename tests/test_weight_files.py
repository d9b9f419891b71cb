"""Weights from files of PyTorch, safetensors, Keras and NumPy: formats, layouts, reports, refusals."""

import io
import json
import pickle
import struct
import sys
import zipfile
from collections.abc import Callable
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import torch_files
from support.machine import run_python
from support.nets import refusal
from support.torch_files import Call, Global, Persistent, dumped

import cnnfast
from cnnfast import Input, Model, Sequential, layers, ops
from cnnfast.io import load_weights
from cnnfast.models import ModelFileError

RNG = np.random.default_rng(0)


def _normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape, np.float32)


# A convolution, normalization and two dense layers of PyTorch, the first behind a flatten of 4 x 3 pictures.
STATE = {
    "features.0.weight": _normal(5, 2, 3, 3),
    "features.0.bias": _normal(5),
    "features.1.weight": _normal(5),
    "features.1.bias": _normal(5),
    "features.1.running_mean": _normal(5),
    "features.1.running_var": np.abs(_normal(5)) + 0.5,
    "features.1.num_batches_tracked": np.array(7),
    "classifier.0.weight": _normal(6, 60),
    "classifier.0.bias": _normal(6),
    "classifier.2.weight": _normal(4, 6),
    "classifier.2.bias": _normal(4),
}


def _net(names: bool = False) -> Sequential:
    told = ["features.0", "features.1", "classifier.0", "classifier.2"]
    conv, norm, first, last = ({"name": name} if names else {} for name in told)
    return Sequential(
        [
            Input((6, 5, 2)),
            layers.Conv2D(5, 3, activation="relu", **conv),
            layers.BatchNormalization(epsilon=1e-5, **norm),
            layers.Dropout(0.5),
            layers.Flatten(),
            layers.Dropout(0.5),
            layers.Dense(6, activation="relu", **first),
            layers.Dense(4, **last),
        ]
    )


def _expected(x: np.ndarray, state: dict[str, np.ndarray] = STATE) -> np.ndarray:
    """The network as PyTorch has it, in float64."""
    s = {name: value.astype(np.float64) for name, value in state.items()}
    windows = np.lib.stride_tricks.sliding_window_view(
        np.moveaxis(x, 3, 1).astype(np.float64), (3, 3), (2, 3)
    )
    maps = np.einsum("nihwab,oiab->nohw", windows, s["features.0.weight"])
    maps = np.maximum(maps + s["features.0.bias"][:, None, None], 0)

    def of_channel(name: str) -> Any:
        return s[f"features.1.{name}"][:, None, None]

    maps = (maps - of_channel("running_mean")) / np.sqrt(of_channel("running_var") + 1e-5)
    flat = (maps * of_channel("weight") + of_channel("bias")).reshape(len(x), -1)
    hidden = np.maximum(flat @ s["classifier.0.weight"].T + s["classifier.0.bias"], 0)
    return np.asarray(hidden @ s["classifier.2.weight"].T + s["classifier.2.bias"])


def _check(model: Any, rtol: float = 1e-5, state: dict[str, np.ndarray] = STATE) -> None:
    x = np.random.default_rng(1).normal(size=(3, 6, 5, 2)).astype(np.float32)
    expected = _expected(x, state)
    scale = float(np.abs(expected).max())
    np.testing.assert_allclose(model.predict(x, verbose=0), expected, rtol=0, atol=rtol * scale)


def _file(tmp_path: Path, content: bytes, name: str = "net.pth") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def _npz(state: Any, save: Any = np.savez) -> bytes:
    file = io.BytesIO()
    save(file, **state)
    return file.getvalue()


def _safetensors(state: dict[str, np.ndarray], dtype: str = "F32") -> bytes:
    header, offset, content = {}, 0, b""
    for name, value in sorted(state.items()):
        raw = value.astype("<f4").tobytes()
        if dtype == "BF16":  # the upper halves
            raw = np.frombuffer(raw, "<u2")[1::2].tobytes()
        ends = [offset, offset + len(raw)]
        header[name] = {"dtype": dtype, "shape": value.shape, "data_offsets": ends}
        content, offset = content + raw, ends[1]
    text = json.dumps(header).encode()
    return len(text).to_bytes(8, "little") + text + content


FORMATS: dict[str, Callable[[], bytes]] = {
    "zip": lambda: torch_files.zipped(STATE),
    "legacy": lambda: torch_files.legacy(STATE),
    "safetensors": lambda: _safetensors(STATE),
    "npz": lambda: _npz(STATE),
    "npz deflated": lambda: _npz(STATE, np.savez_compressed),
}


@pytest.mark.parametrize("kind", FORMATS)
def test_formats(kind: str, tmp_path: Path) -> None:
    path = _file(tmp_path, FORMATS[kind]())
    for names in (True, False):
        model = _net(names)
        report = load_weights(model, path)
        assert report.complete
        # safetensors keeps no order; names sorted put the classifier first.
        assert report.by == ("name" if names else "order")
        assert len(report.matched) == 10
        _check(model)
        if kind == "safetensors":
            return


def test_bfloat16_of_safetensors(tmp_path: Path) -> None:
    model = _net(True)
    load_weights(model, _file(tmp_path, _safetensors(STATE, "BF16")))
    _check(model, 2e-2)
    kernel = model.layers[0].kernel.numpy()
    cut = STATE["features.0.weight"].view(np.uint32) & 0xFFFF0000
    np.testing.assert_array_equal(kernel, cut.view(np.float32).transpose(2, 3, 1, 0))


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_other_numbers(dtype: str, tmp_path: Path) -> None:
    state = {name: value if value.dtype == np.int64 else value.astype(dtype) for name, value in STATE.items()}
    model = _net()
    load_weights(model, _file(tmp_path, torch_files.zipped(state)))
    _check(model, state=state)


def test_strides_views_and_wrappers(tmp_path: Path) -> None:
    """Kernels in channels_last strides, a part of a storage, DataParallel's names, a checkpoint around it."""
    state: dict[str, Any] = {}
    arrays: dict[str, np.ndarray] = {}
    for key, (name, value) in enumerate(STATE.items()):
        if name == "features.0.weight":
            value = np.ascontiguousarray(value.transpose(0, 2, 3, 1)).transpose(0, 3, 1, 2)
        arrays[name] = value
        state[f"module.{name}"] = torch_files.tensor(str(key), value)
    both = np.concatenate([_normal(3), STATE["classifier.2.bias"], _normal(2)])
    arrays["both"] = both
    kind = Global("torch", "FloatStorage")
    storage = Persistent("storage", kind, str(len(STATE)), "cuda:3", both.size)
    rebuild = Global("torch._utils", "_rebuild_tensor_v2")
    parameter = Global("torch._utils", "_rebuild_parameter")
    hooks = Call(Global("collections", "OrderedDict"))
    part = Call(rebuild, storage, 3, (4,), (1,), False, hooks)
    state["module.classifier.2.bias"] = Call(parameter, part, True, hooks)
    checkpoint = {"epoch": 3, "state_dict": state, "optimizer": {"lr": 0.1}}
    model = _net()
    load_weights(model, _file(tmp_path, torch_files.zipped(arrays, checkpoint)))
    _check(model)


def test_parts_of_storages_in_old_files(tmp_path: Path) -> None:
    bias = STATE["classifier.2.bias"]
    state = dict(STATE) | {"classifier.2.bias": np.concatenate([_normal(2), bias])}
    described: dict[str, Any] = {
        name: torch_files.tensor(str(k), value, view=(None,)) for k, (name, value) in enumerate(state.items())
    }
    kind = Global("torch", "FloatStorage")
    storage = Persistent("storage", kind, str(len(state) - 1), "cpu", 6, ("view", 2, 4))
    rebuild = Global("torch._utils", "_rebuild_tensor")
    described["classifier.2.bias"] = Call(rebuild, storage, 0, (4,), (1,))
    model = _net()
    load_weights(model, _file(tmp_path, torch_files.legacy(state, described)))
    _check(model)


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
    load_weights(model, _file(tmp_path, torch_files.zipped(STATE)))
    x = np.random.default_rng(1).normal(size=(3, 6, 5, 2)).astype(np.float32)
    out = model.predict(np.moveaxis(x, 3, 1) if first else x, verbose=0)
    np.testing.assert_allclose(out, _expected(x), rtol=1e-4, atol=1e-4)


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
    load_weights(model, _file(tmp_path, torch_files.zipped(STATE)))
    _check(model)


def test_a_convolution_in_place_of_a_dense_layer(tmp_path: Path) -> None:
    """PyTorch's (out, in) serves a 1x1 convolution, its (out, in, 1, 1) or whole window a dense layer."""
    kernel = _normal(4, 5)
    pixels = _normal(2, 3, 3, 5)
    model = Sequential([Input((3, 3, 5)), layers.Conv2D(4, 1, use_bias=False)])
    load_weights(model, _file(tmp_path, _npz({"fc.weight": kernel})))
    np.testing.assert_allclose(model.predict(pixels, verbose=0), pixels @ kernel.T, rtol=1e-4, atol=1e-5)
    dense = Sequential([Input((5,)), layers.Dense(4, use_bias=False)])
    load_weights(dense, _file(tmp_path, _npz({"fc.weight": kernel.reshape(4, 5, 1, 1)})))
    np.testing.assert_array_equal(dense.get_weights()[0], kernel.T)
    window = _normal(4, 5, 3, 3)
    dense = Sequential([Input((3, 3, 5)), layers.Flatten(), layers.Dense(4, use_bias=False)])
    load_weights(dense, _file(tmp_path, _npz({"fc.weight": window})))
    expected = np.einsum("nhwc,ochw->no", pixels, window)
    np.testing.assert_allclose(dense.predict(pixels, verbose=0), expected, rtol=1e-4, atol=1e-4)


def test_normalization_behind_a_flatten(tmp_path: Path) -> None:
    names = ("weight", "bias", "running_mean", "running_var")
    state = {f"bn.{name}": np.abs(_normal(12)) + 0.5 for name in names}
    model = Sequential([Input((2, 3, 2)), layers.Flatten(), layers.BatchNormalization(epsilon=1e-5)])
    load_weights(model, _file(tmp_path, _npz(state)))
    by_pixel = [state[f"bn.{name}"].reshape(2, 2, 3).transpose(1, 2, 0).reshape(-1) for name in names]
    for got, expected in zip(model.get_weights(), by_pixel, strict=True):
        np.testing.assert_array_equal(got, expected)


def test_depthwise_with_a_multiplier(tmp_path: Path) -> None:
    kernel = _normal(6, 1, 2, 3)  # of three channels, two outputs each
    model = Sequential([Input((4, 4, 3)), layers.DepthwiseConv2D((2, 3), depth_multiplier=2, use_bias=False)])
    load_weights(model, _file(tmp_path, _npz({"conv.weight": kernel})))
    got = model.get_weights()[0]
    for channel in range(3):
        for place in range(2):
            np.testing.assert_array_equal(got[:, :, channel, place], kernel[2 * channel + place, 0])


# -- names, order, reports -------------------------------------------------------------------------------


def test_reports(tmp_path: Path) -> None:
    state = {name: value for name, value in STATE.items() if name != "features.0.bias"}
    state |= {"classifier.2.weight": _normal(9, 6), "extra.weight": _normal(2)}
    path = _file(tmp_path, _npz(state))
    model = _net(True)
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
    assert load_weights(_net(True), _file(tmp_path, _npz(STATE | {"aux.weight": np.ones(1)})), spare=["aux."])


def test_names_come_before_the_order(tmp_path: Path) -> None:
    turned = dict(reversed(STATE.items()))
    model = _net(True)
    assert load_weights(model, _file(tmp_path, _npz(turned))).by == "name"
    _check(model)
    with pytest.raises(ModelFileError, match="by order"):
        load_weights(_net(), tmp_path / "net.pth")
    with pytest.raises(ModelFileError, match="0 of 10 weights set, by name"):
        load_weights(_net(), tmp_path / "net.pth", by="name")
    with pytest.raises(ValueError, match="by must be one of"):
        load_weights(_net(), tmp_path / "net.pth", by="size")


def test_the_order_goes_past_what_is_spare(tmp_path: Path) -> None:
    """A second head between: each layer takes the next module that suits it."""
    state: dict[str, np.ndarray] = {}
    for name, value in STATE.items():
        if name == "classifier.0.weight":
            state |= {"aux.weight": _normal(3, 7), "aux.bias": _normal(3)}
        state[name] = value
    model = _net()
    report = load_weights(model, _file(tmp_path, _npz(state)), strict=False)
    assert report.unused == ("aux.weight", "aux.bias")
    assert not report.missing
    _check(model)


def test_rename(tmp_path: Path) -> None:
    state = {name.replace("features", "trunk"): value for name, value in STATE.items()}
    model = _net(True)
    report = load_weights(
        model, _file(tmp_path, _npz(state)), by="name", rename=lambda name: name.replace("trunk", "features")
    )
    assert report.complete
    _check(model)


def test_a_list_of_arrays(tmp_path: Path) -> None:
    model, other = _net(), _net()
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


def test_the_shape_must_be_known(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="does not know its input's shape"):
        load_weights(Sequential([layers.Dense(2)]), _file(tmp_path, _npz(STATE)))
    with pytest.raises(FileNotFoundError, match="there is no file"):
        load_weights(_net(), tmp_path / "absent.pth")


# -- Keras's files ---------------------------------------------------------------------------------------


def _keras_arrays() -> dict[str, list[np.ndarray]]:
    """By what Keras calls layers of this kind."""
    return {
        "conv2d": [_normal(3, 3, 2, 5), _normal(5)],
        "batch_normalization": [_normal(5), _normal(5), _normal(5), np.abs(_normal(5))],
        "dense": [_normal(60, 6), _normal(6)],
        "dense_1": [_normal(6, 4), _normal(4)],
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
    model = _net()
    assert load_weights(model, path).by == "name"
    for got, expected in zip(model.get_weights(), chain(*arrays.values()), strict=True):
        np.testing.assert_array_equal(got, expected)
    with zipfile.ZipFile(tmp_path / "net.keras", "w") as archive:
        archive.writestr("config.json", "{}")
        archive.write(path, "model.weights.h5")
    other = _net()
    assert load_weights(other, tmp_path / "net.keras").complete
    np.testing.assert_array_equal(other.get_weights()[0], arrays["conv2d"][0])


def test_keras_3_counts_by_place(tmp_path: Path) -> None:
    """Its "dense" is the first of the model, ours by that name the one that was made first."""
    h5py = pytest.importorskip("h5py", reason="writes HDF5: pip install 'cnnfast[h5]'")
    kernels = [_normal(4, 4), _normal(4, 4)]
    with h5py.File(tmp_path / "net.weights.h5", "w") as file:
        for name, kernel in zip(("dense", "dense_1"), kernels, strict=True):
            file[f"layers/{name}/vars/0"] = kernel
    second, first = (layers.Dense(4, use_bias=False, name=name) for name in ("dense", "dense_1"))
    model = Sequential([Input((4,)), first, second])
    assert load_weights(model, tmp_path / "net.weights.h5").by == "name"
    np.testing.assert_array_equal(first.kernel.numpy(), kernels[0])


def test_made_up_names_do_not_count_against_the_order(tmp_path: Path) -> None:
    """A file made after other models has other numbers in its names; some of ours are among them."""
    state = {f"dense_{number}/kernel": _normal(4, 4) for number in (2, 3, 4, 5)}
    hidden = [layers.Dense(4, use_bias=False, name=f"dense_{number}") for number in (1, 2, 3, 4)]
    model = Sequential([Input((4,)), *hidden])
    assert load_weights(model, _file(tmp_path, _npz(state))).by == "order"
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
    model = _net()
    assert load_weights(model, tmp_path / "net.h5").by == "order"
    for got, expected in zip(model.get_weights(), chain(*arrays.values()), strict=True):
        np.testing.assert_array_equal(got, expected)


def test_hdf5_reads_no_other_file(tmp_path: Path) -> None:
    """A data set may lie in any file of the machine, and its numbers would become weights."""
    h5py = pytest.importorskip("h5py", reason="writes HDF5: pip install 'cnnfast[h5]'")
    secret = _file(tmp_path, np.arange(6, dtype=np.float32).tobytes(), "secret")
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
        load_weights(_net(), _file(tmp_path, b"\x89HDF\r\n\x1a\n" + bytes(100)))


# -- what is refused -------------------------------------------------------------------------------------


class _Bomb:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("write", [torch_files.zipped, torch_files.legacy], ids=["zip", "legacy"])
def test_no_code_runs(write: Any, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    call = Call(Global("os", "system"), f"touch {mark}")
    for state, name in (
        ({"a": call}, "os.system"),
        ({"a": Call(Global("builtins", "eval"), "1")}, "builtins.eval"),
        ({"a": Call(Global("torch.nn.modules.linear", "Linear"))}, "torch.nn.modules.linear.Linear"),
        ({"a": Call(Global("collections", "namedtuple"), "a", "b")}, "collections.namedtuple"),
        ({"a": Call(Global("torch._utils", "_rebuild_tensor_v2.__globals__"))}, "__globals__"),
    ):
        with pytest.raises(ModelFileError) as info:
            load_weights(_net(), _file(tmp_path, write({}, state)))
        refusal(info.value, name, "only tensors", "state_dict")
    with pytest.raises(ModelFileError, match="uses"):
        load_weights(_net(), _file(tmp_path, pickle.dumps(_Bomb(mark), 2)))
    assert not mark.exists()


def test_pickles_change_nothing_of_ours(tmp_path: Path) -> None:
    """BUILD sets attributes of what a pickle names."""
    build = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x05\x00\x00\x00_makeK\x01sb."
    content = (
        dumped(torch_files.MAGIC) + dumped(torch_files.PROTOCOL) + dumped({"little_endian": True}) + build
    )
    with pytest.raises(ModelFileError, match="damaged"):
        load_weights(_net(), _file(tmp_path, content))
    model = _net()
    load_weights(model, _file(tmp_path, torch_files.legacy(STATE)))
    _check(model)


_FLOATS = Global("torch", "FloatStorage")
_REBUILD = Global("torch._utils", "_rebuild_tensor_v2")


@pytest.mark.parametrize(
    "arguments",
    [
        (_FLOATS, 0, (2**40, 2**20), (0, 0)),
        (_FLOATS, 0, (3, 2), (2, 1)),
        (_FLOATS, 3, (2,), (1,)),
        (_FLOATS, -1, (1,), (1,)),
        (_FLOATS, 0, (2, -1), (1, 1)),
        (_FLOATS, 0, (2,), (-1,)),
        (_FLOATS, 0, (2,), (1, 1)),
        (_FLOATS, 0, (True,), (1,)),
        (_FLOATS, 0, 4, 1),
        ("FloatStorage", 0, (2,), (1,)),
    ],
)
def test_tensors_that_cannot_be(arguments: tuple[Any, ...], tmp_path: Path) -> None:
    kind, offset, shape, strides = arguments
    array = np.zeros(4, np.float32)
    storage = Persistent("storage", kind, "0", "cpu", 4)
    state = {"a.weight": Call(_REBUILD, storage, offset, shape, strides, False, None)}
    model = Sequential([Input((3,)), layers.Dense(2, use_bias=False)])
    with pytest.raises(ModelFileError, match=r"net\.pth cannot be used"):
        load_weights(model, _file(tmp_path, torch_files.zipped({"0": array}, state)))


def test_sizes_are_checked_before_memory_is_taken(tmp_path: Path) -> None:
    """Storages of 1 TB, memo slots of 16 GB, a deflated gigabyte, texts of two; 1 GB more may be taken."""
    huge = Persistent("storage", _FLOATS, "0", "cpu", 2**38)
    state = {"a.weight": Call(_REBUILD, huge, 0, (2**19, 2**19), (2**19, 1), False, None)}
    (tmp_path / "storage.pth").write_bytes(torch_files.zipped({"0": np.zeros(4, np.float32)}, state))
    magic = dumped(torch_files.MAGIC)
    (tmp_path / "memo.pth").write_bytes(b"\x80\x02Nr\xff\xff\xff\x7f.")
    (tmp_path / "text.pth").write_bytes(magic + b"\x80\x02X\xff\xff\xff\x7f")
    with zipfile.ZipFile(tmp_path / "deflated.pth", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("a/data.pkl", bytes(1 << 30))
    for name, what in (
        ("array", "'<f4', 'shape': (1048576, 1048576)"),
        ("text", "'|S2000000000', 'shape': (2, 3)"),
    ):
        with zipfile.ZipFile(tmp_path / f"{name}.npz", "w", zipfile.ZIP_DEFLATED) as archive:
            text = f"{{'descr': {what}, 'fortran_order': False}}".ljust(117).encode() + b"\n"
            archive.writestr("a.weight.npy", b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text)
    code = f"""
import resource, pathlib
from cnnfast import Sequential, Input, layers
from cnnfast.io import load_weights
model = Sequential([Input((3,)), layers.Dense(2, use_bias=False)])
taken = int(pathlib.Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
resource.setrlimit(resource.RLIMIT_AS, (taken + 2**30, taken + 2**30))
for path in sorted(pathlib.Path({str(tmp_path)!r}).iterdir()):
    try:
        load_weights(model, path)
    except ValueError as error:
        print(path.name, type(error).__name__, "cannot be used" in str(error))
"""
    lines = run_python(code).splitlines()
    names = ("array.npz", "deflated.pth", "memo.pth", "storage.pth", "text.npz", "text.pth")
    assert lines == [f"{name} ModelFileError True" for name in names]


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", ("empty",)),
        (b"hello" * 10, ("no file of weights", "safetensors")),
        (pickle.dumps({"a": 1}, 2), ("none that torch.save wrote",)),
        (torch_files.zipped({}, [1, 2]), ("holds list", "dict of tensors")),
        (torch_files.zipped({}, {"epoch": 3}), ("no tensors by name", "epoch")),
        (torch_files.zipped(STATE, compression=zipfile.ZIP_DEFLATED), ("compressed",)),
        (torch_files.zipped(STATE)[:-200], ("damaged",)),
        (torch_files.legacy(STATE)[:-9], ("ends within",)),
        (torch_files.legacy(STATE, keys=["0", "17"]), ("storage '17'",)),
        (_safetensors(STATE)[:-1], ("safetensors",)),
    ],
)
def test_refusals(content: bytes, words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ModelFileError) as info:
        load_weights(_net(), _file(tmp_path, content))
    refusal(info.value, "net.pth cannot be used", *words)


def test_torchscript_and_big_endian(tmp_path: Path) -> None:
    for extra, content, words in (
        ("archive/constants.pkl", b"", "TorchScript"),
        ("archive/byteorder", b"big", "big-endian"),
    ):
        file = io.BytesIO(torch_files.zipped({}))
        with zipfile.ZipFile(file) as old, zipfile.ZipFile(tmp_path / "net.pth", "w") as new:
            for name in old.namelist():
                if name != extra:
                    new.writestr(name, old.read(name))
            new.writestr(extra, content)
        with pytest.raises(ModelFileError, match=words):
            load_weights(_net(), tmp_path / "net.pth")


def test_damaged_files(tmp_path: Path, request: pytest.FixtureRequest) -> None:
    """Refused, with the model as it was, or loaded; no crash, no hang, no memory, one kind of error."""
    pytest.importorskip("h5py", reason="writes HDF5: pip install 'cnnfast[h5]'")
    count = 20_000 if request.config.getoption("sweep_all") else 500
    code = (
        f"import pathlib; from support.weight_mutants import main; main(pathlib.Path('{tmp_path}'), {count})"
    )
    lines = [line.split() for line in run_python(code, timeout=count).splitlines()]
    assert [line[0] for line in lines] == ["pth", "legacy.pth", "safetensors", "npz", "h5"]
    for _, refused, loaded in lines:
        assert int(refused) + int(loaded) == count
        assert int(refused) > count / 2


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
