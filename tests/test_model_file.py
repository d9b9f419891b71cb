"""Model files: exact round trips and resumption; damage and malice refused; a crash leaves the old file."""

import hashlib
import io
import json
import os
import pickle
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.models import images, same_bits, small_model
from support.nets import refusal

import cnnfast
from cnnfast import Input, Model, layers
from cnnfast.models import ModelFileError, load_model

X, Y = images(60)


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    """A trained model's file."""
    model = small_model()
    model.fit(X, Y, verbose=0)
    path = tmp_path / "model.cnnfast"
    model.save(path)
    return path


@pytest.mark.parametrize(
    "optimizer",
    [
        "adam",
        "sgd",
        cnnfast.optimizers.SGD(0.05, 0.9, nesterov=True),
        cnnfast.optimizers.Adam(global_clipnorm=0.1),
    ],
    ids=str,
)
def test_train_save_load_train_is_train(optimizer: Any, tmp_path: Path) -> None:
    """Ten epochs are five, a file, and five: dropout, shuffling and optimizer go on bit for bit."""
    whole = small_model(optimizer=_fresh(optimizer))
    whole.fit(X, Y, batch_size=16, epochs=10, verbose=0)
    half = small_model(optimizer=_fresh(optimizer))
    half.fit(X, Y, batch_size=16, epochs=5, verbose=0)
    half.save(tmp_path / "half.cnnfast")
    cnnfast.set_random_seed(999)
    other = small_model(5)  # another model and another seed in between must not matter
    other.fit(X, Y, verbose=0)
    resumed = load_model(tmp_path / "half.cnnfast")
    assert same_bits(resumed.get_weights(), half.get_weights())
    resumed.fit(X, Y, batch_size=16, initial_epoch=5, epochs=10, verbose=0)
    assert same_bits(resumed.get_weights(), whole.get_weights())
    assert resumed.optimizer.iterations == whole.optimizer.iterations == 40


def _fresh(optimizer: Any) -> Any:
    return optimizer if isinstance(optimizer, str) else type(optimizer).from_config(optimizer.get_config())


def test_round_trip(saved: Path) -> None:
    model, again = load_model(saved), load_model(saved)
    np.testing.assert_array_equal(model.predict(X, verbose=0), again.predict(X, verbose=0))
    assert type(model) is cnnfast.Sequential
    assert [layer.name for layer in model.layers] == ["conv", "pool", "dropout", "flatten", "head"]
    assert model.evaluate(X, Y, verbose=0) == again.evaluate(X, Y, verbose=0)
    model.save(saved.with_name("again.cnnfast"))
    assert saved.with_name("again.cnnfast").read_bytes() == saved.read_bytes(), "equal models, equal files"


def test_functional_model_and_settings(tmp_path: Path) -> None:
    inputs = Input((10, 9, 2))
    trunk = layers.Conv2D(4, 3, padding="same", kernel_regularizer="l2", name="trunk")(inputs)
    joined = layers.Add()([trunk, layers.Activation("tanh")(trunk)])
    pooled = layers.AveragePooling2D(3, 2, padding="same")(joined)
    head = layers.Dense(4, activation="softmax", kernel_constraint=cnnfast.constraints.MaxNorm(1.5))
    model = Model(inputs, head(layers.Flatten()(pooled)))
    model.get_layer("trunk").trainable = False
    model.compile(
        cnnfast.optimizers.Adam(0.01, beta_1=0.8), "sparse_categorical_crossentropy", metrics=["accuracy"]
    )
    model.fit(X, Y, verbose=0)
    model.save(tmp_path / "net")
    again = load_model(tmp_path / "net.cnnfast")
    assert type(again) is Model
    assert again.get_layer("trunk").trainable is False
    assert again.optimizer.get_config() == model.optimizer.get_config()
    assert again.metrics_names == model.metrics_names
    assert model.train_on_batch(X, Y) == again.train_on_batch(X, Y)
    assert same_bits(model.get_weights(), again.get_weights())


def test_uncompiled_model(tmp_path: Path) -> None:
    model = cnnfast.Sequential([Input((3,)), layers.Dense(2)])
    model.save(tmp_path / "net")
    again = load_model(tmp_path / "net.cnnfast")
    assert same_bits(model.get_weights(), again.get_weights())
    with pytest.raises(ValueError, match="compile"):
        again.fit(np.ones((1, 3)), np.ones((1, 2)))


def test_weights_file(tmp_path: Path) -> None:
    model, other = small_model(1), small_model(2)
    model.save_weights(tmp_path / "w")
    other.load_weights(tmp_path / "w.safetensors")
    assert same_bits(model.get_weights(), other.get_weights())
    narrow = cnnfast.Sequential([Input((10, 9, 2)), layers.Conv2D(5, 3), layers.Flatten(), layers.Dense(4)])
    before = narrow.get_weights()
    with pytest.raises(ModelFileError) as info:
        narrow.load_weights(tmp_path / "w.safetensors")
    refusal(info.value, "shape")
    assert same_bits(before, narrow.get_weights())


def test_overwrite(saved: Path) -> None:
    before = saved.read_bytes()
    with pytest.raises(FileExistsError, match="overwrite"):
        small_model(2).save(saved, overwrite=False)
    assert saved.read_bytes() == before
    small_model(2).save(saved)
    assert saved.read_bytes() != before


def _refused(path: Path) -> str:
    with pytest.raises(ModelFileError) as info:
        load_model(path)
    refusal(info.value)
    return str(info.value)


def test_truncations(saved: Path) -> None:
    content = saved.read_bytes()
    offsets = {0, 1, 4, 29, 30, 100, len(content) - 1, len(content) - 22}
    offsets |= set(np.linspace(1, len(content) - 1, 60).astype(int).tolist())
    for offset in sorted(offsets):
        saved.write_bytes(content[:offset])
        _refused(saved)


def test_bit_flips(saved: Path) -> None:
    """A flipped bit is refused, or lies where nothing depends on it: then the model is the same."""
    content = saved.read_bytes()
    expected = load_model(saved).get_weights()
    rng = np.random.default_rng(0)
    refused = 0
    for position, bit in zip(rng.integers(0, len(content), 250), rng.integers(0, 8, 250), strict=True):
        damaged = bytearray(content)
        damaged[position] ^= 1 << bit
        saved.write_bytes(damaged)
        try:
            model = load_model(saved)
        except ModelFileError:
            refused += 1
        else:
            assert same_bits(model.get_weights(), expected), (
                f"bit {bit} of byte {position} changed the weights"
            )
    assert refused > 200


def _rewritten(path: Path, change: Callable[[dict[str, bytes]], Any], **how: Any) -> None:
    with zipfile.ZipFile(path) as archive:
        parts = {name: archive.read(name) for name in archive.namelist()}
    change(parts)
    with zipfile.ZipFile(path, "w", **how) as archive:
        archive.comment = b"sha256 " + hashlib.sha256(parts.get("config.json", b"")).hexdigest().encode()
        for name, data in parts.items():
            archive.writestr(name, data)


def _config(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    def change(parts: dict[str, bytes]) -> None:
        parts["config.json"] = json.dumps({**json.loads(parts["config.json"]), **changes}).encode()

    return change


def _layer(**changes: Any) -> Callable[[dict[str, bytes]], None]:
    """Changes the configuration of the model's last layer, wherever it stands."""

    def visit(node: Any) -> None:
        if isinstance(node, dict):
            if node.get("name") == "head":
                node.update(changes)
            for value in node.values():
                visit(value)
        elif isinstance(node, list):
            for value in node:
                visit(value)

    def change(parts: dict[str, bytes]) -> None:
        config = json.loads(parts["config.json"])
        visit(config)
        parts["config.json"] = json.dumps(config).encode()

    return change


FOREIGN: dict[str, Callable[[dict[str, bytes]], Any]] = {
    "no weights": lambda parts: parts.__delitem__("weights.safetensors"),
    "no config": lambda parts: parts.__delitem__("config.json"),
    "one part more": lambda parts: parts.update({"../evil.py": b"print()"}),
    "other file": lambda parts: [parts.pop(name) for name in list(parts)[1:]],
    "not JSON": lambda parts: parts.update({"config.json": b"\xff{"}),
    "JSON list": lambda parts: parts.update({"config.json": b"[]"}),
    "deep JSON": lambda parts: parts.update({"config.json": b"[" * 100_000}),
    "newer version": _config(version=99),
    "other format": _config(format="keras"),
    "other class": _config(class_name="os.system"),
    "no structure": _config(config=None),
    "training": _config(training={"step": "x", "seed": [], "epochs": None}),
    "negative step": _config(training={"step": -5, "seed": 1, "epochs": 1}),
    "other width": _layer(units=5),
    "huge width": _layer(units=2**31 - 1),
    "larger than any": _layer(units=10**30),
    "negative width": _layer(units=-4),
    "text width": _layer(units="__import__('os').system('true')"),
    "weights": lambda parts: parts.update({"weights.safetensors": b"\x08\0\0\0\0\0\0\0{}      "}),
    "huge header": lambda parts: parts.update({"weights.safetensors": b"\xff" * 8 + b"{}"}),
    "optimizer": lambda parts: parts.update({"optimizer.safetensors": b""}),
    "pickle": lambda parts: parts.update({"weights.safetensors": pickle.dumps([1, 2])}),
}


@pytest.mark.parametrize("what", FOREIGN)
def test_foreign_content(what: str, saved: Path) -> None:
    _rewritten(saved, FOREIGN[what])
    _refused(saved)


def test_not_a_file_of_ours(tmp_path: Path) -> None:
    path = tmp_path / "model"
    for content in (
        b"",
        b"hello",
        pickle.dumps({}),
        b"PK\x05\x06" + bytes(18),
        b"\x89HDF\r\n\x1a\n" + bytes(99),
    ):
        path.write_bytes(content)
        _refused(path)
    with pytest.raises(FileNotFoundError):
        load_model(tmp_path / "absent.cnnfast")


def test_zip_bomb(saved: Path) -> None:
    """A compressed part is refused before it is unpacked, as `save` never compresses."""
    _rewritten(
        saved,
        lambda parts: parts.update({"weights.safetensors": bytes(300_000_000)}),
        compression=zipfile.ZIP_DEFLATED,
    )
    assert saved.stat().st_size < 1_000_000
    assert "compressed" in _refused(saved)


def test_nothing_is_executed(saved: Path, tmp_path: Path) -> None:
    """A pickle that would write a file is not unpickled, whatever part it hides in."""
    mark = tmp_path / "executed"

    class Evil:
        def __reduce__(self) -> Any:
            return (Path.touch, (mark,))

    evil = pickle.dumps(Evil())
    buffer = io.BytesIO()
    np.save(buffer, np.array([Evil()], object), allow_pickle=True)
    for part in ("config.json", "weights.safetensors", "optimizer.safetensors"):
        for content in (evil, buffer.getvalue()):
            _rewritten(saved, lambda parts, part=part, content=content: parts.update({part: content}))
            _refused(saved)
    assert not mark.exists()
    pickle.loads(evil)
    assert mark.exists(), "the trap itself works"


@pytest.mark.parametrize("function", ["fsync", "replace"])
@pytest.mark.parametrize("method", ["save", "save_weights"])
def test_crash_while_saving_leaves_the_old_file(
    function: str, method: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "file"
    getattr(small_model(1), method)(path.with_suffix(".x"))
    (old,) = tmp_path.iterdir()
    before = old.read_bytes()

    def crash(*_: Any, **__: Any) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(os, function, crash)
    with pytest.raises(OSError, match="no space"):
        getattr(small_model(2), method)(old)
    monkeypatch.undo()
    assert old.read_bytes() == before
    assert list(tmp_path.iterdir()) == [old], "no half file is left"


def _squares(y_true: Any, y_pred: Any) -> Any:
    return (y_true - y_pred) ** 2


class MeanSquaredError(cnnfast.losses.Loss):
    """A loss of one's own under a name of ours."""

    call = staticmethod(_squares)


class Mine(cnnfast.regularizers.L2):
    """A regularizer of one's own."""


@pytest.mark.parametrize(
    "given",
    [
        {"loss": lambda y_true, y_pred: (y_true - y_pred) ** 2},
        {"loss": [MeanSquaredError()]},
        {"loss": "mse", "metrics": ["mae", lambda y_true, y_pred: y_pred]},
        {"loss": "mse", "optimizer": cnnfast.optimizers.SGD(lambda step: 0.1)},
    ],
    ids=["function", "class", "metric", "schedule"],
)
def test_what_compile_was_given_may_have_no_name(given: dict[str, Any], tmp_path: Path) -> None:
    """No file holds it; what is saved is as if it were not compiled, and loads."""
    model = cnnfast.Sequential([Input((3,)), layers.Dense(2)])
    model.compile(**given)
    model.train_on_batch(np.ones((4, 3)), np.ones((4, 2)))
    with pytest.warns(UserWarning, match="code of your own.*compile it again"):
        model.save(tmp_path / "net")
    again = load_model(tmp_path / "net")
    assert same_bits(again.get_weights(), model.get_weights())
    with pytest.raises(ValueError, match="compiled"):
        again.evaluate(np.ones((4, 3)), np.ones((4, 2)))
