"""Keras's `utils` and settings: pictures, batches, files, names."""

import hashlib
import io
import re
import tarfile
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Sequential, backend, config, layers, preprocessing, saving, utils
from cnnfast.datasets import _cifar, _download, cifar10, cifar100

Image = pytest.importorskip("PIL.Image", reason="pictures need Pillow: pip install 'cnnfast[viz]'")

RNG = np.random.default_rng(0)


# -- pictures ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("mode", "channels"), [("grayscale", 1), ("rgb", 3), ("rgba", 4)])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
def test_pictures_come_back(mode: str, channels: int, data_format: Any, tmp_path: Path) -> None:
    x = RNG.integers(0, 256, (5, 7, channels)).astype(np.float32)
    given = x.transpose(2, 0, 1) if data_format == "channels_first" else x
    utils.save_img(tmp_path / "a.png", given, data_format, scale=False)
    picture = utils.load_img(tmp_path / "a.png", color_mode=mode)
    got = utils.img_to_array(picture, data_format)
    assert got.dtype == np.float32
    np.testing.assert_array_equal(got, given)


def test_scaling_spreads_over_bytes() -> None:
    x = np.array([[[-1.0], [0.0], [1.0]]])
    np.testing.assert_array_equal(np.asarray(utils.array_to_img(x)), [[0, 127, 255]])
    assert utils.array_to_img(x * 300, scale=False).mode == "I"
    utils.save_img(file := io.BytesIO(), np.zeros((2, 2, 4)), file_format="jpg")
    assert Image.open(io.BytesIO(file.getvalue())).mode == "RGB"


def test_sizes_of_pictures(tmp_path: Path) -> None:
    x = np.zeros((4, 8, 1), np.float32)
    x[:, 2:6] = 255
    utils.save_img(tmp_path / "a.png", x)
    whole = utils.img_to_array(utils.load_img(tmp_path / "a.png", "grayscale", (2, 4)))
    np.testing.assert_array_equal(whole[..., 0], [[0, 255, 255, 0]] * 2)
    middle = utils.load_img(tmp_path / "a.png", "grayscale", (4, 4), keep_aspect_ratio=True)
    np.testing.assert_array_equal(np.asarray(middle), np.full((4, 4), 255))


@pytest.mark.parametrize(
    ("call", "words"),
    [
        (lambda: utils.array_to_img(np.zeros((2, 2))), "three axes"),
        (lambda: utils.array_to_img(np.zeros((2, 2, 2))), "1, 3 or 4 channels"),
        (lambda: utils.img_to_array(np.zeros(3)), "two or three axes"),
        (lambda: utils.load_img("nowhere.png"), "no picture nowhere.png"),
        (lambda: utils.load_img("nowhere.png", "cmyk"), "color_mode must be one of"),
        (lambda: utils.load_img("nowhere.png", interpolation="best"), "interpolation must be one of"),
    ],
)
def test_errors_of_pictures(call: Any, words: str) -> None:
    with pytest.raises(ValueError, match=words):
        call()


# -- folders of pictures -----------------------------------------------------------------------------------


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures of cats, 0 to 5, and four of dogs, 100 to 103."""
    for name, first, count in (("cat", 0, 6), ("dog", 100, 4)):
        (tmp_path / name).mkdir()
        for i in range(count):
            Image.new("RGB", (9, 6), (first + i, 7, 9)).save(tmp_path / name / f"{i}.png")
    return tmp_path


def _all(batches: Any) -> tuple[Any, Any]:
    x, y = zip(*batches, strict=True)
    return np.concatenate(x), np.concatenate(y)


def test_a_folder_in_batches(folder: Path) -> None:
    batches = utils.image_dataset_from_directory(
        folder, image_size=(4, 5), batch_size=4, shuffle=False, verbose=False
    )
    assert len(batches) == 3
    assert batches.class_names == ["cat", "dog"]
    assert [Path(path).name for path in batches.file_paths] == [f"{i}.png" for i in [*range(6), *range(4)]]
    x, y = _all(batches)
    assert x.dtype == np.float32
    assert x.shape == (10, 4, 5, 3)
    np.testing.assert_array_equal(x[:, 1, 2], [(v, 7, 9) for v in [*range(6), *range(100, 104)]])
    assert y.dtype == np.int32
    np.testing.assert_array_equal(y, [0] * 6 + [1] * 4)


@pytest.mark.parametrize(
    ("mode", "expected"), [("categorical", [[1, 0]] * 6 + [[0, 1]] * 4), ("binary", [[0]] * 6 + [[1]] * 4)]
)
def test_forms_of_labels(folder: Path, mode: str, expected: Any) -> None:
    given: dict[str, Any] = {"image_size": 4, "shuffle": False, "verbose": False}
    batches = utils.image_dataset_from_directory(folder, label_mode=mode, **given)
    np.testing.assert_array_equal(_all(batches)[1], expected)
    alone = utils.image_dataset_from_directory(folder, label_mode=None, data_format="channels_first", **given)
    assert alone[0].shape == (10, 3, 4, 4)
    own = utils.image_dataset_from_directory(folder, labels=list(range(10)), **given)
    np.testing.assert_array_equal(own[0][1], range(10))
    dogs = utils.image_dataset_from_directory(folder, class_names=["dog", "cat"], **given)
    np.testing.assert_array_equal(dogs[0][1], [0] * 4 + [1] * 6)


def test_parts_of_a_folder(folder: Path) -> None:
    given: dict[str, Any] = {"image_size": 4, "validation_split": 0.3, "seed": 3, "verbose": False}
    both = utils.image_dataset_from_directory(folder, subset="both", **given)
    alone = [
        utils.image_dataset_from_directory(folder, subset=s, **given) for s in ("training", "validation")
    ]
    assert [len(each.file_paths) for each in both] == [7, 3]
    assert [each.file_paths for each in both] == [each.file_paths for each in alone]
    assert len({path for each in both for path in each.file_paths}) == 10


def test_a_model_learns_from_a_folder(folder: Path) -> None:
    batches = utils.image_dataset_from_directory(folder, image_size=4, batch_size=5, seed=1, verbose=False)
    first = _all(batches)[1]
    model = Sequential([Input((4, 4, 3)), layers.Rescaling(1 / 255), layers.Flatten(), layers.Dense(2)])
    model.compile("adam", cnnfast.losses.SparseCategoricalCrossentropy(from_logits=True))
    history = model.fit(batches, validation_data=batches, epochs=3, verbose=0).history
    assert history["loss"][-1] < history["loss"][0]
    assert model.predict(batches, verbose=0).shape == (10, 2)
    assert sorted(first.tolist()) == [0] * 6 + [1] * 4


def test_borders_and_cuts(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    Image.new("L", (8, 4), 200).save(tmp_path / "a" / "x.png")
    given: dict[str, Any] = {"image_size": (4, 4), "color_mode": "grayscale", "verbose": False}
    padded = utils.image_dataset_from_directory(tmp_path, pad_to_aspect_ratio=True, **given)[0][0]
    np.testing.assert_array_equal(padded[0, :, :, 0], np.repeat([0, 200, 200, 0], 4).reshape(4, 4))
    cut = utils.image_dataset_from_directory(tmp_path, crop_to_aspect_ratio=True, **given)[0][0]
    np.testing.assert_array_equal(cut, np.full((1, 4, 4, 1), 200))


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({"label_mode": "one_hot"}, "label_mode must be one of"),
        ({"validation_split": 0.5}, "go together"),
        ({"validation_split": 0.01, "subset": "validation"}, "leaves one part empty"),
        ({"class_names": ["cow"]}, "no folder 'cow'"),
        ({"labels": [1]}, "10 pictures .* 1 labels"),
        ({"labels": "mine"}, "'inferred', a list or None"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "not both"),
        ({"class_names": ["dog"], "label_mode": "binary"}, "two classes"),
    ],
)
def test_errors_of_folders(folder: Path, named: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        utils.image_dataset_from_directory(folder, verbose=False, **named)
    with pytest.raises(FileNotFoundError):
        utils.image_dataset_from_directory(folder / "nowhere")


# -- batches -----------------------------------------------------------------------------------------------


def test_windows_of_time() -> None:
    data, targets = np.arange(20).reshape(10, 2), np.arange(10) * 10
    batches = utils.timeseries_dataset_from_array(
        data, targets, 3, sequence_stride=2, sampling_rate=2, batch_size=2
    )
    x, y = _all(batches)
    np.testing.assert_array_equal(y, [0, 20, 40])
    np.testing.assert_array_equal(x, [[data[i], data[i + 2], data[i + 4]] for i in (0, 2, 4)])
    part = utils.timeseries_dataset_from_array(data, None, 2, start_index=3, end_index=6)
    np.testing.assert_array_equal(part[0], [data[3:5], data[4:6]])
    mixed = utils.timeseries_dataset_from_array(data, targets, 1, shuffle=True, seed=1)
    x, y = _all(mixed)
    assert sorted(y) == sorted(targets)
    np.testing.assert_array_equal(x[:, 0], data[y // 10])
    mixed.on_epoch_end()
    assert (_all(mixed)[1] != y).any()
    with pytest.raises(ValueError, match="no window of 11 steps"):
        utils.timeseries_dataset_from_array(data, targets, 11)


def test_parts_of_data() -> None:
    x, y = np.arange(10) * 2, np.arange(10)
    left, right = utils.split_dataset((x, y), left_size=0.6)
    assert [(int(a), int(b)) for a, b in left] == [(2 * i, i) for i in range(6)]
    assert [int(b) for _, b in right] == [6, 7, 8, 9]
    left, right = utils.split_dataset(x, right_size=3, shuffle=True, seed=1)
    assert sorted(int(each) for part in (left, right) for each in part) == x.tolist()
    assert len(right) == 3
    left, _ = utils.split_dataset([(each, each + 1) for each in range(4)], left_size=1, right_size=2)
    assert [tuple(map(int, each)) for each in left] == [(0, 1)]
    for wrong in ({}, {"left_size": 1.5}, {"left_size": 11}, {"left_size": 6, "right_size": 5}):
        with pytest.raises(ValueError, match="size"):
            utils.split_dataset(x, **wrong)


def test_sequences_of_one_length() -> None:
    given = [[1], [2, 3], [4, 5, 6]]
    np.testing.assert_array_equal(utils.pad_sequences(given), [[0, 0, 1], [0, 2, 3], [4, 5, 6]])
    post = utils.pad_sequences(
        given, maxlen=2, padding="post", truncating="post", value=-1.0, dtype="float32"
    )
    np.testing.assert_array_equal(post, [[1, -1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(utils.pad_sequences([[], [[1, 2]]], maxlen=1), [[[0, 0]], [[1, 2]]])
    with pytest.raises(ValueError, match="must have one shape"):
        utils.pad_sequences([[[1, 2]], [[1]]])
    assert preprocessing.sequence.pad_sequences is utils.pad_sequences


def test_norms() -> None:
    x = RNG.normal(size=(3, 4))
    for axis in (0, 1, -1):
        for order in (1, 2):
            norm = np.linalg.norm(x, order, axis, keepdims=True)
            np.testing.assert_allclose(utils.normalize(x, axis, order), x / norm)


# -- files from the network --------------------------------------------------------------------------------


@pytest.fixture
def served(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[str, bytes]:
    """What addresses hold, in place of the network."""
    contents: dict[str, bytes] = {}

    def fetch_rest(url: str, part: Path, have: int, max_bytes: int) -> None:
        if url not in contents:
            raise ConnectionError("no such host")
        part.write_bytes(contents[url])

    monkeypatch.setattr(_download, "_fetch_rest", fetch_rest)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.delenv("CNNFAST_DATA", raising=False)
    return contents


def _tar(**files: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w:gz") as archive:
        for name, content in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def test_a_file_is_fetched_once(served: dict[str, bytes]) -> None:
    url = "https://example.org/a/data.bin?x=1"
    served[url] = b"one"
    path = Path(utils.get_file(origin=url))
    assert path.name == "data.bin"
    served[url] = b"two"
    assert Path(utils.get_file(origin=url)).read_bytes() == b"one"
    wanted = hashlib.sha256(b"two").hexdigest()
    assert Path(utils.get_file(origin=url, file_hash=wanted)).read_bytes() == b"two"
    served[url] = b"three"
    assert Path(utils.get_file(origin=url, force_download=True)).read_bytes() == b"three"
    with pytest.raises(OSError, match=rf"{re.escape(url)} cannot be fetched: .*another file: its md5"):
        utils.get_file(origin=url, md5_hash="0" * 32)
    assert path.read_bytes() == b"three", "what is there stays until there is another"
    with pytest.raises(OSError, match=r"https://example\.org/nothing cannot be fetched: no such host"):
        utils.get_file(origin="https://example.org/nothing")


def test_archives_are_unpacked(served: dict[str, bytes], tmp_path: Path) -> None:
    served["https://example.org/a.tgz"] = _tar(**{"in/x.txt": b"hello"})
    folder = Path(
        utils.get_file("a.tgz", "https://example.org/a.tgz", extract=True, cache_dir=tmp_path / "own")
    )
    assert folder == tmp_path / "own" / "datasets" / "a_extracted"
    assert (folder / "in" / "x.txt").read_bytes() == b"hello"
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("y.txt", "hi")
    served["https://example.org/b.zip"] = file.getvalue()
    zipped = Path(utils.get_file(origin="https://example.org/b.zip", extract=True))
    assert (zipped / "y.txt").read_text() == "hi"
    for name, folder_name in (("set-1.2.zip", "set-1.2"), ("set-1.3.zip", "set-1.3"), ("d.tar.gz", "d")):
        address = f"https://example.org/{name}"
        served[address] = _tar(x=b"x") if "tar" in name else file.getvalue()
        assert Path(utils.get_file(origin=address, extract=True)).name == f"{folder_name}_extracted"
    served["https://example.org/c.tar"] = _tar(**{"../../out.txt": b"no"})
    with pytest.raises(tarfile.TarError, match="outside"):
        utils.get_file(origin="https://example.org/c.tar", extract=True)
    assert not list(tmp_path.rglob("out.txt"))


@pytest.mark.parametrize(
    ("named", "words"),
    [
        ({}, "https address"),
        ({"origin": "http://example.org/x"}, "https address"),
        ({"origin": "file:///etc/passwd"}, "https address"),
        ({"origin": "https://example.org/x", "fname": "../x"}, "plain name"),
        ({"origin": "https://example.org/"}, "plain name"),
        ({"origin": "https://example.org/x", "file_hash": "12"}, "say hash_algorithm"),
    ],
)
def test_what_is_not_fetched(served: dict[str, bytes], named: dict[str, Any], words: str) -> None:
    with pytest.raises(ValueError, match=words):
        utils.get_file(**named)


# -- data sets ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("module", "label"), [(cifar10, 0), (cifar100, 1)])
def test_cifar(
    module: Any, label: int, served: dict[str, bytes], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    archive: _cifar.Archive = module.ARCHIVE
    rows = {
        name: RNG.integers(0, 256, (2, archive.labels + 3072)).astype(np.uint8)
        for name in (*archive.train, archive.test)
    }
    content = _tar(**{name: each.tobytes() for name, each in rows.items()})
    sums = {"size": len(content), "sha256": hashlib.sha256(content).hexdigest()}
    monkeypatch.setattr(module, "ARCHIVE", archive._replace(**sums))
    with pytest.raises(FileNotFoundError, match=f"no {archive.file} there"):
        module.load_data(data_dir=tmp_path)
    served[f"https://www.cs.toronto.edu/~kriz/{archive.file}"] = content
    (x, y), (x_test, y_test) = module.load_data()
    train = np.concatenate([rows[name] for name in archive.train])
    np.testing.assert_array_equal(y[:, 0], train[:, label])
    assert x.shape == (len(train), 32, 32, 3)
    planes = train[:, archive.labels :].reshape(-1, 3, 32, 32)
    np.testing.assert_array_equal(x, planes.transpose(0, 2, 3, 1))
    np.testing.assert_array_equal(y_test[:, 0], rows[archive.test][:, label])
    assert x_test.shape == (2, 32, 32, 3)
    again = module.load_data(data_dir=tmp_path / "cnnfast" / "datasets")  # where it was kept
    np.testing.assert_array_equal(again[0][0], x)
    if label:
        coarse = module.load_data("coarse")
        np.testing.assert_array_equal(coarse[0][1][:, 0], train[:, 0])
        with pytest.raises(ValueError, match="label_mode must be one of"):
            module.load_data("rough")
    else:
        assert len(module.CLASS_NAMES) == 10
    kept = tmp_path / "cnnfast" / "datasets" / archive.name / archive.file
    kept.write_bytes(content[:-1] + b"x")
    with pytest.raises(FileNotFoundError, match="is damaged"):
        module.load_data(data_dir=tmp_path / "cnnfast" / "datasets")


# -- names and settings ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "made",
    [
        layers.Dense(3, name="d"),
        cnnfast.optimizers.Adam(0.5),
        cnnfast.losses.Huber(0.3),
        cnnfast.metrics.MeanSquaredError(),
        cnnfast.initializers.Constant(2.0),
        cnnfast.schedules.ExponentialDecay(0.1, 10, 0.5),
        Sequential([Input((3,)), layers.Dense(2)]),
    ],
)
def test_objects_by_configurations(made: Any) -> None:
    again = saving.deserialize_keras_object(utils.serialize_keras_object(made))
    assert type(again) is type(made)
    assert again.get_config() == made.get_config()
    with pytest.raises(ValueError, match="unknown layer 'Nothing'"):
        utils.deserialize_keras_object({"class_name": "Nothing", "config": {}})


def test_own_objects_by_configurations() -> None:
    class Mine(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return inputs

    config = utils.serialize_keras_object(Mine())
    assert type(utils.deserialize_keras_object(config, {"Mine": Mine})) is Mine
    assert utils.deserialize_keras_object(None) is None


def test_settings() -> None:
    assert backend.standardize_dtype("float") == "float64"
    assert backend.is_keras_tensor(Input((2,)))
    assert isinstance(Input((2,)), cnnfast.KerasTensor)
    assert cnnfast.version() == cnnfast.__version__
    assert [backend.is_float_dtype(each) for each in ("float64", "int32", None)] == [True, False, True]
    assert [backend.is_int_dtype(each) for each in ("uint8", "float16", bool)] == [True, False, False]
    assert backend.result_type("int8", "float64") == "float32"
    with pytest.raises(ValueError, match="dtype must be the name"):
        config.standardize_dtype("flat32")
    with pytest.raises(ValueError, match="epsilon is"):
        backend.set_epsilon(1e-3)
    for module in (cnnfast, utils, layers, cnnfast.models, cnnfast.optimizers):
        assert set(module.__all__) <= set(dir(module))


def test_weights_by_functions(tmp_path: Path) -> None:
    model = Sequential([Input((3,)), layers.Dense(2)])
    saving.save_weights(model, tmp_path / "w.safetensors")
    other = Sequential([Input((3,)), layers.Dense(2)])
    saving.load_weights(other, tmp_path / "w.safetensors")
    for one, same in zip(model.get_weights(), other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, same)


def test_lines_in_the_place_of_bars(monkeypatch: pytest.MonkeyPatch) -> None:
    from cnnfast.callbacks import progress_bar

    monkeypatch.setattr(progress_bar.sys.stdout, "isatty", lambda: True)
    assert progress_bar._mode("auto") == 1
    utils.disable_interactive_logging()
    try:
        assert (progress_bar._mode("auto"), progress_bar._mode(1)) == (2, 1)
    finally:
        utils.enable_interactive_logging()


def test_a_bar_by_hand(capsys: pytest.CaptureFixture[str]) -> None:
    bar = utils.Progbar(4, stateful_metrics=["rate"])
    bar.update(1, [("loss", 4.0), ("rate", 1.0)])
    bar.update(4, [("loss", 2.0), ("rate", 0.5)])
    assert "loss 2.5000  rate 0.5000" in capsys.readouterr().out
    bar = utils.Progbar(4, stateless_metrics=["loss"], verbose=2)
    bar.update(1, [("loss", 4.0), ("rate", 1.0)])
    bar.update(4, [("loss", 2.0), ("rate", 0.5)])
    assert "loss 2.5000  rate 0.5000" in capsys.readouterr().out
    with pytest.raises(ValueError, match="not both"):
        utils.Progbar(4, stateful_metrics=[], stateless_metrics=[])
    quiet = utils.Progbar(None, verbose=0)
    quiet.add(3)
    assert not capsys.readouterr().out
