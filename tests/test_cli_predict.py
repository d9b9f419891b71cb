"""`cnnfast predict` as a person types it: classes told, pictures prepared, mistakes in a line."""

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.commands import COLOURS, Captured, error_line, linear, write_colours
from support.machine import python_environment

import cnnfast
from cnnfast.cli import main


@pytest.fixture(scope="module")
def colours(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_colours(tmp_path_factory.mktemp("data") / "colours")


@pytest.fixture(scope="module")
def trained(colours: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model that tells them."""
    out = tmp_path_factory.mktemp("out")
    assert main(["train", str(colours), "--out", str(out), "--epochs", "6", "--batch-size", "16"]) == 0
    return out / "colours-cifar_cnn.cnnfast"


def test_predict_names_classes_and_draws_bars(trained: Path, colours: Path, capsys: Captured) -> None:
    capsys.readouterr()
    path = colours / "test" / "red" / "0.png"
    assert main(["predict", str(trained), str(path), "--top", "2"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == str(path)
    assert len(lines) == 3
    name, share, bar = lines[1].split()
    assert name == "red"
    assert float(share.rstrip("%")) > 80
    assert set(bar) <= set("█▌")
    assert 19 <= len(bar) <= 24


def test_good_pictures_are_answered_though_one_is_bad(
    trained: Path, colours: Path, tmp_path: Path, capsys: Captured
) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    capsys.readouterr()
    good = [str(colours / "test" / name / "1.png") for name in COLOURS]
    assert main(["predict", str(trained), good[0], str(bad), *good[1:], "--json"]) == 1
    captured = capsys.readouterr()
    answers = json.loads(captured.out)
    assert [answer.get("class") for answer in answers] == ["green", None, "red", "white"]
    assert "bad.png" in answers[1]["error"]
    assert main(["predict", str(trained), str(bad), good[0]]) == 1
    captured = capsys.readouterr()
    assert "bad.png is no picture" in captured.err
    assert good[0] in captured.out


def test_predict_takes_folders(trained: Path, colours: Path, tmp_path: Path, capsys: Captured) -> None:
    capsys.readouterr()
    assert main(["predict", str(trained), str(colours / "test"), "--top", "1", "--json"]) == 0
    answers = json.loads(capsys.readouterr().out)
    assert len(answers) == 18
    assert all(Path(answer["file"]).parent.name == answer["class"] for answer in answers)
    assert all(len(answer["top"]) == 1 for answer in answers)
    assert "holds no pictures" in error_line(["predict", str(trained), str(tmp_path)], capsys)


def test_more_pictures_than_are_held_at_a_time(
    trained: Path, colours: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured
) -> None:
    from cnnfast.cli import predict

    arguments = ["predict", str(trained), str(colours / "test"), "--json"]
    capsys.readouterr()
    main(arguments)
    at_once = json.loads(capsys.readouterr().out)
    monkeypatch.setattr(predict, "_AT_A_TIME", 5)
    main(arguments)
    for one, other in zip(json.loads(capsys.readouterr().out), at_once, strict=True):
        assert one["file"] == other["file"]
        assert one["probability"] == pytest.approx(other["probability"], abs=1e-5)


def _digits_model(path: Path, **metadata: Any) -> str:
    cnnfast.set_random_seed(0)
    model = linear((28, 28, 1), 10)
    model.metadata = metadata
    model.save(path)
    return str(path)


def test_preparation_follows_the_file_and_the_words(tmp_path: Path, capsys: Captured) -> None:
    page = np.full((280, 280), 200, np.uint8)
    page[20:90, 30:45] = 20
    Image.fromarray(page).save(tmp_path / "one.png")
    picture = str(tmp_path / "one.png")
    mnist = _digits_model(tmp_path / "mnist.cnnfast", preparation="mnist")
    unsaid = _digits_model(tmp_path / "unsaid.cnnfast")
    plain = _digits_model(tmp_path / "plain.cnnfast", preparation="plain")

    def changes(*arguments: str) -> str:
        assert main(["predict", *arguments, "--json"]) == 0
        return "; ".join(json.loads(capsys.readouterr().out)[0]["changes"])

    assert changes(mnist, picture).endswith("centred like MNIST's digits")
    assert changes(unsaid, picture) == "dark ink made white; contrast raised 1.4 times"
    assert changes(unsaid, picture, "--digits").endswith("centred like MNIST's digits")
    assert changes(plain, picture) == changes(mnist, picture, "--raw") == ""
    assert main(["predict", mnist, picture]) == 0
    assert "  (dark ink made white, contrast raised 1.4 times, cropped and" in capsys.readouterr().out


def test_metadata_that_is_odd_is_not_believed(tmp_path: Path, capsys: Captured) -> None:
    page = np.zeros((28, 28), np.uint8)
    page[5:20, 10:14] = 255
    Image.fromarray(page).save(tmp_path / "one.png")
    for names in (["a", "b"], [1] * 10, "0123456789", None):
        model = _digits_model(tmp_path / "odd.cnnfast", class_names=names, preparation=["mnist"])
        assert main(["predict", model, str(tmp_path / "one.png"), "--json"]) == 0
        assert json.loads(capsys.readouterr().out)[0]["class"] in list("0123456789")


def test_predict_refuses_what_names_no_class(tmp_path: Path, capsys: Captured) -> None:
    Image.fromarray(np.eye(28, dtype=np.uint8) * 255).save(tmp_path / "one.png")
    model = linear((28, 28, 1), 10, activation=None)
    model.save(tmp_path / "logits.cnnfast")
    arguments = ["predict", str(tmp_path / "logits.cnnfast"), str(tmp_path / "one.png")]
    assert "softmax" in error_line(arguments, capsys)
    model.compile("sgd", cnnfast.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.save(tmp_path / "logits.cnnfast")
    assert main(arguments) == 0
    assert main(["predict", str(tmp_path / "logits"), str(tmp_path / "one.png")]) == 0
    capsys.readouterr()
    assert "there is no model" in error_line(["predict", str(tmp_path / "absent"), "x.png"], capsys)


@pytest.mark.parametrize("words", [["--json"], []])
def test_an_answer_that_nobody_reads_ends_silently(words: list[str], trained: Path, colours: Path) -> None:
    """As `| head` does with every Unix tool."""
    command = [sys.executable, "-m", "cnnfast.cli", "predict", str(trained), str(colours / "test"), *words]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, env=python_environment()) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        told = process.stderr.read()
    assert (process.returncode, told) == (128 + signal.SIGPIPE, "")
