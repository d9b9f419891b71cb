"""The command as a person types it: folders, one's own files, mistakes in a line, trainings that end."""

import errno
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.axes import Axes
from PIL import Image
from support.commands import COLOURS, Captured, error_line, linear, write_colours
from support.machine import python_environment

import cnnfast
from cnnfast import models
from cnnfast.cli import keeping, main, report
from cnnfast.cli.augment import Augment, viewers, views
from cnnfast.cli.images import ImageInput
from cnnfast.viz._canvas import canvas


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colours(tmp_path_factory.mktemp("data") / "colours")


def _file(folder: Path, text: str) -> str:
    path = folder / "net.py"
    path.write_text(f"import cnnfast\nfrom cnnfast.layers import *\n{text}")
    return str(path)


# A file of a network with several ends.
TWO = """
x, z = Input((8, 8, 3)), Input((8, 8, 3))
y = Dense(3, activation="softmax")(Flatten()(Add()([x, {second}])))
model = cnnfast.Model({inputs}, {outputs})
"""


# One with code that runs when the network is traced.
OWN_CODE = """
class Own(Layer):
    def call(self, inputs):
        return {call} if inputs.ndim == 2 else inputs
def loss(y, p):
    return {loss}
def build_model():
    model = cnnfast.Sequential([Input((8, 8, 3)), Flatten(), Own(), Dense(3, activation="softmax")])
    model.compile("sgd", loss)
    return model
"""


# -- train -----------------------------------------------------------------------------------------------


def test_folder_is_learnt_and_told(colours: Path, tmp_path: Path, capsys: Captured) -> None:
    arguments = ["train", str(colours), "--out", str(tmp_path), "--epochs", "6", "--batch-size", "16"]
    assert main(arguments) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == (
        "training cifar_cnn (122,115 parameters) on colours: 120 pictures of 32 x 32 colour, 18 more to test "
        f"({colours}, train/ and test/)"
    )
    assert [" ".join(line.split()[:2]) for line in lines[1:7]] == [f"Epoch {n}/6" for n in range(1, 7)]
    assert all("val_accuracy" in line and "top" not in line for line in lines[1:7])
    assert "Test accuracy      100.00 %" in lines
    assert " 0 green  6 . ." in lines
    assert (tmp_path / "colours-cifar_cnn.png").stat().st_size > 10_000
    model = models.load_model(tmp_path / "colours-cifar_cnn.cnnfast")
    assert model.metadata == {"class_names": ["green", "red", "white"], "preparation": "plain"}


def test_equal_seeds_equal_models(colours: Path, tmp_path: Path) -> None:
    weights = []
    for name, seed in (("a", "1"), ("b", "1"), ("c", "2")):
        out = tmp_path / name
        main(
            [
                "train",
                str(colours),
                "--out",
                str(out),
                "--epochs",
                "1",
                "--seed",
                seed,
                "--augment",
                "flip,shift",
            ]
        )
        model = models.load_model(out / "colours-cifar_cnn.cnnfast")
        weights.append(b"".join(weight.tobytes() for weight in model.get_weights()))
    assert weights[0] == weights[1] != weights[2]


def test_size_and_model_by_name(colours: Path, tmp_path: Path, capsys: Captured) -> None:
    main(
        ["train", str(colours), "--out", str(tmp_path), "--epochs", "1", "--size", "24", "--model", "lenet5"]
    )
    assert "120 pictures of 24 x 24 grey" in capsys.readouterr().out
    error = error_line(
        ["train", str(colours), "--out", str(tmp_path), "--size", "4", "--model", "cnn"], capsys
    )
    assert "cnn on pictures of 4 x 4" in error


OWN = """
def build_model():
    model = cnnfast.Sequential([Conv2D(4, 3, activation="relu", input_shape=(8, 8, 3)), Flatten(), {end}])
    {compile}
    return model
"""


@pytest.mark.parametrize(
    ("end", "compile_"),
    [
        ('Dense(3, activation="softmax")', "pass"),
        ("Dense(3)", 'model.compile("sgd", cnnfast.losses.SparseCategoricalCrossentropy(from_logits=True))'),
        (
            'Dense(3, activation="softmax")',
            'model.compile("sgd", "categorical_crossentropy", metrics=["mse"])',
        ),
        ('Dense(3, activation="softmax")', 'model.compile("sgd", ["categorical_crossentropy"])'),
        ('Dense(3, activation="sigmoid")', None),
    ],
)
def test_ones_own_file(
    end: str, compile_: str | None, colours: Path, tmp_path: Path, capsys: Captured
) -> None:
    path = _file(tmp_path, OWN.format(end=end, compile=compile_ or "pass"))
    arguments = ["train", str(colours), "--model", path, "--out", str(tmp_path), "--epochs", "1"]
    if compile_ is None:
        assert "softmax" in error_line(arguments, capsys)
        return
    assert main(arguments) == 0
    out = capsys.readouterr().out
    assert out.startswith("training net (")
    assert "120 pictures of 8 x 8 colour" in out
    assert "Test accuracy" in out
    model = models.load_model(tmp_path / "colours-net.cnnfast")
    assert type(model.optimizer).__name__ == ("Adam" if compile_ == "pass" else "SGD")
    picture = str(next(colours.glob("test/red/*.png")))
    assert main(["predict", str(tmp_path / "colours-net.cnnfast"), picture, "--json"]) == 0
    (answer,) = json.loads(capsys.readouterr().out)
    assert sum(each["probability"] for each in answer["top"]) == pytest.approx(1, abs=1e-4)


def test_ones_own_file_finds_what_is_beside_it(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "path", [*sys.path])
    (tmp_path / "neighbour_of_net.py").write_text("END = 3")
    end = "import neighbour_of_net as n\n" + OWN.format(
        end='Dense(n.END, activation="softmax")', compile="pass"
    )
    path = _file(tmp_path, end)
    assert main(["train", str(colours), "--model", path, "--out", str(tmp_path), "--epochs", "1"]) == 0


def test_two_classes_by_one_sigmoid(colours: Path, tmp_path: Path, capsys: Captured) -> None:
    two = tmp_path / "two"
    two.mkdir()
    for name in ("green", "red"):
        (two / name).symlink_to(colours / "train" / name)
    path = _file(tmp_path, OWN.format(end='Dense(1, activation="sigmoid")', compile="pass"))
    arguments = [
        "train",
        str(two),
        "--model",
        path,
        "--out",
        str(tmp_path),
        "--epochs",
        "8",
        "--batch-size",
        "8",
    ]
    assert main(arguments) == 0
    assert "Test accuracy      100.00 %" in capsys.readouterr().out
    pictures = [str(next(colours.glob(f"test/{name}/*.png"))) for name in ("green", "red")]
    main(["predict", str(tmp_path / "two-net.cnnfast"), *pictures, "--json"])
    assert [answer["class"] for answer in json.loads(capsys.readouterr().out)] == ["green", "red"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("model = 1 +", ("net.py:3: SyntaxError: invalid syntax",)),
        ("x = 1\nmodel = Dense(0)", ("net.py:4: ",)),
        ("raise SystemExit('no')", ("net.py:3: SystemExit: no",)),
        ("model = cnnfast.Sequential([Input((None, None, 3)), Conv2D(3, 3)])", ("net.py: ", "any size")),
        (OWN_CODE.format(call="inputs.nothing", loss="y"), ("net.py:6: AttributeError: ", "'nothing'")),
        (OWN_CODE.format(call="inputs", loss="y.nothing"), ("net.py:8: AttributeError: ", "'nothing'")),
        (OWN_CODE.format(call="y.mean(0)", loss="y"), ("net.py:6: NameError: ",)),
        (OWN_CODE.format(call="Dense(0)(inputs)", loss="y"), ("net.py:6: ", "units must be at least 1")),
        (OWN_CODE.format(call="inputs", loss="y.shape.nothing"), ("net.py:8: AttributeError: ",)),
        (OWN_CODE.format(call="inputs", loss="Dense(0)(y)"), ("net.py:8: the model net: units must be",)),
        (OWN_CODE.format(call="inputs", loss="float(y)"), ("net.py:8: TypeError: cannot make a number",)),
        ("pass", ("neither build_model()",)),
        (
            'model = cnnfast.Sequential([Flatten(), Dense(3, activation="softmax")])',
            ("net.py: ", "input_shape"),
        ),
        (
            "model = cnnfast.Sequential([Dense(3, activation='softmax', input_shape=(5,))])",
            ("(5,)", "no pictures"),
        ),
        (OWN.format(end='Dense(4, activation="softmax")', compile="pass"), ("3 outputs", "(None, 4)")),
        (OWN.format(end="Dense(3)", compile="pass"), ("softmax", "from_logits=True")),
        (
            "model = cnnfast.Sequential([Conv2D(3, 3, input_shape=(8, 8, 3))])",
            ("3 outputs", "(None, 6, 6, 3)"),
        ),
        (TWO.format(second="x", inputs="x", outputs="dict(a=y, b=y)"), ("3 outputs", "'a': (None, 3)")),
        (TWO.format(second="z", inputs="[x, z]", outputs="y"), ("several inputs",)),
    ],
)
def test_mistakes_in_ones_own_file_are_told_in_a_line(
    text: str, words: tuple[str, ...], colours: Path, tmp_path: Path, capsys: Captured
) -> None:
    path = _file(tmp_path, text)
    error = error_line(["train", str(colours), "--model", path, "--out", str(tmp_path)], capsys)
    for word in words:
        assert word in error
    assert error.count("net.py") <= 1


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["nowhere"], "nowhere"),
        (["mnist", "--size", "20"], "--size"),
        (["mnist", "--threads", "99999"], "--threads"),
        (["mnist", "--model", "vgg"], "'vgg'"),
        (["mnist", "--model", "absent.py"], "absent.py"),
        (["."], "two classes"),
    ],
)
def test_mistakes_are_told_in_a_line(
    arguments: list[str],
    word: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: Captured,
) -> None:
    monkeypatch.chdir(tmp_path)
    assert word in error_line(["train", *arguments], capsys)


@pytest.mark.parametrize(
    "words",
    [
        "train mnist --augment turn",
        "train mnist --epochs 0",
        "train mnist --precision double",
        "train mnist --size x",
        "predict model picture --top 0",
        "predict model picture --top -1",
    ],
)
def test_unknown_words(words: str, capsys: Captured) -> None:
    with pytest.raises(SystemExit):
        main(words.split())
    assert words.split()[-2] in capsys.readouterr().err


def test_precision(colours: Path, tmp_path: Path, precision: Any) -> None:
    precision("default")
    arguments = ["train", str(colours), "--out", str(tmp_path), "--epochs", "1", "--precision", "exact"]
    assert main(arguments) == 0
    assert cnnfast.get_precision() == "exact"


def test_the_picture_says_what_it_shows(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A title, and "test" at what was measured on the test set."""
    drawn: list[Any] = []
    monkeypatch.setattr(report, "canvas", lambda *given: drawn.append(canvas(*given)) or drawn[0])
    assert main(["train", str(colours), "--out", str(tmp_path), "--epochs", "2"]) == 0
    (figure,) = drawn
    assert re.fullmatch(
        r"cifar_cnn on colours: \d+\.\d\d % of the test pictures right after 2 epochs", figure.get_suptitle()
    )
    curves = [axes for axes in figure.findobj(Axes) if axes.get_legend()]
    assert [axes.get_title() for axes in curves] == ["loss", "accuracy"]
    for axes in curves:
        assert [text.get_text() for text in axes.get_legend().get_texts()] == ["training", "test"]


def test_too_many_pictures_for_memory(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    from cnnfast.cli import data

    monkeypatch.setattr(data, "free_bytes", lambda: 5 * 138 * 32 * 32 * 3 - 1)
    error = error_line(["train", str(colours), "--out", str(tmp_path)], capsys)
    assert "138 pictures of 32 x 32 colour" in error
    assert "--size" in error


def test_too_little_memory_is_told_in_a_line(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    def none(*_: Any, **__: Any) -> None:
        raise MemoryError("cannot take 5 bytes")

    capsys.readouterr()
    monkeypatch.setattr(cnnfast.Sequential, "fit", none)
    model = tmp_path / "out" / "colours-cifar_cnn.cnnfast"
    error = error_line(["train", str(colours), "--out", str(model.parent)], capsys)
    assert "out of memory: cannot take 5 bytes. The model as trained so far is in" in error
    assert models.load_model(model).output_shape == (None, 3)
    monkeypatch.setattr(cnnfast.Sequential, "predict", none)
    picture = str(colours / "test" / "red" / "0.png")
    assert "out of memory: cannot take 5 bytes" in error_line(["predict", str(model), picture], capsys)
    monkeypatch.setattr(models, "load_model", none)
    assert "cannot take 5 bytes" in error_line(["summary", str(model)], capsys)


def test_pictures_left_out_are_told_after_the_first_line(
    colours: Path, tmp_path: Path, capsys: Captured
) -> None:
    data = tmp_path / "data"
    data.mkdir()
    for name in ("green", "red"):
        (data / name).symlink_to(colours / "train" / name)
    (data / "white").mkdir()
    (data / "white" / "bad.png").write_bytes(b"no picture")
    Image.new("RGB", (9, 9), "white").save(data / "white" / "good.png")
    assert main(["train", str(data), "--out", str(tmp_path), "--epochs", "1"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0].startswith("training cifar_cnn (")
    assert lines[1].startswith("1 of 82 pictures left out; the first: ")
    assert "bad.png" in lines[1]


OWN_CALL = """
class Net(cnnfast.Model):
    def __init__(self):
        super().__init__()
        self.filters, self.flat, self.head = Conv2D(4, 3), Flatten(), Dense(3, activation="softmax")
    def call(self, inputs):
        return self.head(self.flat(self.filters(inputs)))
model = Net()
model.build((None, 8, 8, 3))
"""


def test_a_model_of_ones_own_layers_is_kept_by_their_names(
    colours: Path, tmp_path: Path, capsys: Captured
) -> None:
    text = OWN_CODE.format(call="inputs * 1", loss="p - y")
    path = _file(tmp_path, text.replace('"sgd", loss', '"sgd", "sparse_categorical_crossentropy"'))
    assert main(["train", str(colours), "--model", path, "--out", str(tmp_path), "--epochs", "1"]) == 0
    kept = tmp_path / "colours-net.cnnfast"
    assert f"Model    {kept}" in capsys.readouterr().out
    assert "custom_objects={'Own': ...}" in error_line(["summary", str(kept)], capsys)


def test_a_model_that_no_file_holds_keeps_its_weights(
    colours: Path, tmp_path: Path, capsys: Captured
) -> None:
    """The training is not lost for that, and all numbers are told."""
    path = _file(tmp_path, OWN_CALL)
    assert main(["train", str(colours), "--model", path, "--out", str(tmp_path), "--epochs", "1"]) == 0
    captured = capsys.readouterr()
    assert "its weights alone are kept" in captured.err
    kept = tmp_path / "colours-net.safetensors"
    assert f"Model    {kept}" in captured.out
    assert "Picture  none" in captured.out
    assert main(["summary", str(kept)]) == 0
    assert "4 arrays, " in capsys.readouterr().out


# -- augmentation ----------------------------------------------------------------------------------------


def test_views() -> None:
    images = np.random.default_rng(0).integers(0, 256, (200, 16, 8, 3), np.uint8)
    mirrored = views(images, viewers(["flip"], 1, 0))
    kept = [np.array_equal(a, b) for a, b in zip(images, mirrored, strict=True)]
    turned = [np.array_equal(a[:, ::-1], b) for a, b in zip(images, mirrored, strict=True)]
    assert all(a != b for a, b in zip(kept, turned, strict=True))
    assert 60 < sum(turned) < 140
    shifted = views(images, viewers(["shift"], 1, 0))
    assert shifted.shape == images.shape
    seen = set()
    for a, b in zip(images, shifted, strict=True):
        wide = np.pad(a, ((2, 2), (1, 1), (0, 0)), "edge")
        places = [
            (y, x) for y in range(5) for x in range(3) if np.array_equal(wide[y : y + 16, x : x + 8], b)
        ]
        assert len(places) == 1
        seen.update(places)
    assert len(seen) == 15
    assert np.array_equal(views(images, viewers(["shift"], 1, 0)), shifted)


@pytest.mark.parametrize("shape", [(8, 8, 1), (8, 8, 3), (3, 8, 8)])
def test_training_sees_the_views(shape: tuple[int, ...]) -> None:
    """`fit` reads in each epoch what the callback has written by then."""
    channels = shape[0] if shape[0] < 8 else shape[-1]
    images = np.random.default_rng(0).integers(0, 256, (600, 8, 8, channels), np.uint8)
    wanted = ImageInput.of(linear(shape, 2))
    weights = []
    for kinds in ((), ("flip",)):
        cnnfast.set_random_seed(0)
        model = linear(shape, 2)
        model.compile("sgd", "sparse_categorical_crossentropy")
        x = wanted.batch(images)
        model.fit(x, np.arange(600) % 2, verbose=0, callbacks=[Augment(kinds, images, x, wanted, 0)])
        weights.append(model.get_weights()[0])
        expected = wanted.batch(views(images[:256], viewers(kinds, 0, 0)))
        np.testing.assert_array_equal(x[:256], expected)
    assert np.abs(weights[0] - weights[1]).max() > 1e-3


# -- trainings that are ended ----------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["SIGINT", "SIGTERM", "SIGHUP"])
def test_an_ended_training_keeps_its_model(name: str, colours: Path, tmp_path: Path) -> None:
    number = getattr(signal, name)
    # A shell's background job ignores SIGINT; a fork of this process would not do, which may have JAX in it.
    heeding = f"import os, signal, sys; signal.signal({number:d}, signal.SIG_DFL)"
    python = [sys.executable, "-c", f"{heeding}; os.execv(sys.argv[1], sys.argv[1:])", sys.executable]
    command = ["-u", "-m", "cnnfast.cli", "train", str(colours), "--epochs", "100000", "--out", str(tmp_path)]
    with subprocess.Popen(
        [*python, *command], stdout=subprocess.PIPE, text=True, env=python_environment()
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if line.split()[:2] == ["Epoch", "2/100000"]:
                process.send_signal(number)
                break
        rest = process.stdout.read()
    assert process.returncode == 128 + number
    path = tmp_path / "colours-cifar_cnn.cnnfast"
    assert f"The model as trained so far is in {path}" in rest
    assert models.load_model(path).metadata["class_names"] == list(COLOURS)


def test_signals_that_are_ignored_stay_so() -> None:
    before = signal.getsignal(signal.SIGHUP)
    try:
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with keeping.signals_raise():
            signal.raise_signal(signal.SIGHUP)
            with pytest.raises(keeping.Stopped) as info:
                signal.raise_signal(signal.SIGTERM)
        assert info.value.exit_code == 143
        assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    finally:
        signal.signal(signal.SIGHUP, before)


def _full(monkeypatch: pytest.MonkeyPatch, path: Path) -> None:
    """Everything under a folder answers that the disk is full."""
    real = models.Sequential.save

    def save(model: Any, filepath: Path, **arguments: Any) -> None:
        if Path(filepath).is_relative_to(path):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        real(model, filepath, **arguments)

    monkeypatch.setattr(models.Sequential, "save", save)


def test_a_full_disk_keeps_the_model_elsewhere(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    out, home = tmp_path / "out", tmp_path / "home"
    home.mkdir()
    monkeypatch.setenv("HOME", str(home))
    _full(monkeypatch, out)
    assert main(["train", str(colours), "--out", str(out), "--epochs", "1"]) == 0
    (kept,) = home.glob("cnnfast-*/colours-cifar_cnn.cnnfast")
    captured = capsys.readouterr()
    assert f"{out}/colours-cifar_cnn.cnnfast could not be written (No space left on device)" in captured.err
    assert f"Model    {kept}" in captured.out
    assert models.load_model(kept).output_shape == (None, 3)


def test_nowhere_to_keep_it_names_the_file(
    colours: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    _full(monkeypatch, Path("/"))
    monkeypatch.setenv("HOME", str(tmp_path))
    error = error_line(["train", str(colours), "--out", str(tmp_path / "out"), "--epochs", "1"], capsys)
    assert "No space left on device" in error
    assert "colours-cifar_cnn.cnnfast" in error
    assert not list(tmp_path.glob("cnnfast-*")), "no empty folder is left"


def test_output_that_nobody_reads_keeps_the_model(colours: Path, tmp_path: Path) -> None:
    """`cnnfast train ... | head -3`, and every other way in which a line cannot be written."""
    command = [sys.executable, "-u", "-m", "cnnfast.cli", "train", str(colours), "--epochs", "100000"]
    command += ["--out", str(tmp_path), "--batch-size", "16"]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=python_environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        for line in process.stdout:
            if line.split()[:2] == ["Epoch", "2/100000"]:
                break
        process.stdout.close()
        told = process.stderr.read()
    assert process.returncode == 2
    path = tmp_path / "colours-cifar_cnn.cnnfast"
    assert f"Broken pipe. The model as trained so far is in {path}" in told
    assert models.load_model(path).output_shape == (None, 3)


# -- the rest --------------------------------------------------------------------------------------------


def test_outputs_that_take_nothing() -> None:
    for where, code, told in ((">&-", 0, ""), ("> /dev/full", 2, "No space left on device")):
        command = ["sh", "-c", f"exec '{sys.executable}' -m cnnfast.cli info {where}"]
        done = subprocess.run(command, env=python_environment(), stderr=subprocess.PIPE, text=True)
        assert done.returncode == code
        assert told in done.stderr
        assert len(done.stderr.splitlines()) == bool(told)


def test_version(capsys: Captured) -> None:
    with pytest.raises(SystemExit) as info:
        main(["--version"])
    assert info.value.code == 0
    assert capsys.readouterr().out == f"cnnfast {cnnfast.__version__}\n"


def test_many_classes_are_told_by_their_mistakes() -> None:
    matrix = np.diag(np.full(30, 7))
    matrix[3, 4], matrix[9, 1] = 5, 12
    told = report.confusions(matrix, [f"class {k}" for k in range(30)]).splitlines()
    assert told == [
        "Most common mistakes",
        "    12  class 9 taken for class 1",
        "     5  class 3 taken for class 4",
    ]
    assert report.confusions(np.diag(np.full(30, 7)), ["x"] * 30) == "No mistakes"
    small = report.confusions(np.diag([100] * 10), [str(k) for k in range(10)])
    assert max(map(len, small.splitlines())) <= 80
