"""What MODEL may be on the command line: known networks, their weights, Keras's and ONNX's files."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from support.commands import Captured, error_line, linear

import cnnfast
from cnnfast import Sequential, applications, io, layers
from cnnfast.cli import main, networks
from cnnfast.cli.errors import UserError


def _told(capsys: Captured, *words: str) -> Any:
    capsys.readouterr()
    assert main(["predict", *words, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def test_mobilenet_names_the_animal(data_folder: Callable[[str], Path], capsys: Captured) -> None:
    """By name, by torchvision's file, and as an ONNX file that ends in logits."""
    cat, coffee = (str(data_folder("photos") / name) for name in ("chelsea.png", "coffee.png"))
    weights = str(data_folder("weights") / "mobilenet_v2-b0353104.pth")
    assert main(["predict", "mobilenet_v2", cat]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) == 7
    assert lines[1].split()[:2] == ["Egyptian", "cat"]
    assert lines[-1] == "  (its middle taken; --raw takes it as it is)"
    first, second = _told(capsys, "mobilenet_v2", cat, coffee)
    assert first["class"] == "Egyptian cat"
    assert first["probability"] == pytest.approx(0.714, abs=0.005)
    assert (second["class"], round(second["probability"], 2)) == ("espresso", 0.99)
    assert _told(capsys, weights, cat, coffee) == [first, second]
    assert _told(capsys, "MobileNetV2", cat, coffee, "--weights", weights) == [first, second]


def test_onnx_of_imagenet(data_folder: Callable[[str], Path], tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip("onnx", reason="the file is ONNX's: pip install 'cnnfast[onnx]'")
    data_folder("weights")
    cat = str(data_folder("photos") / "chelsea.png")
    io.save_onnx(
        applications.MobileNetV2(weights="imagenet", classifier_activation=None), tmp_path / "net.onnx"
    )
    (ours,), (theirs,) = _told(capsys, "mobilenet_v2", cat), _told(capsys, str(tmp_path / "net.onnx"), cat)
    assert theirs["class"] == "Egyptian cat"
    assert theirs["probability"] == pytest.approx(ours["probability"], abs=1e-4)


@pytest.mark.parametrize("ending", ["keras", "onnx"])
def test_files_of_others(ending: str, tmp_path: Path, capsys: Captured) -> None:
    pytest.importorskip({"keras": "h5py", "onnx": "onnx"}[ending], reason="its files are read by a library")
    cnnfast.set_random_seed(0)
    model, file = linear((8, 8, 3), 3), str(tmp_path / f"net.{ending}")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).convert("RGB").save(tmp_path / "one.png")
    model.save(tmp_path / "net.cnnfast")
    model.save(file) if ending == "keras" else io.save_onnx(model, file)
    wanted, got = (
        _told(capsys, name, str(tmp_path / "one.png"))[0] for name in (str(tmp_path / "net.cnnfast"), file)
    )
    assert got["class"] == wanted["class"]
    assert got["probability"] == pytest.approx(wanted["probability"], abs=1e-5)
    assert main(["summary", file]) == 0
    assert "579" in capsys.readouterr().out


def test_inception_has_its_own_pixels(tmp_path: Path) -> None:
    model = applications.InceptionV3()
    model.save_weights(tmp_path / "inception_v3-of-mine.safetensors")
    found = networks.find(str(tmp_path / "inception_v3-of-mine.safetensors")).model
    assert found.metadata["preparation"] == "inception"
    assert found.metadata["class_names"][285] == "Egyptian cat"


def test_summaries(tmp_path: Path, capsys: Captured) -> None:
    """A network by name needs no weights; a file of weights is listed."""
    assert main(["summary", "resnet18"]) == 0
    assert "11,699,112" in capsys.readouterr().out  # torchvision's 11,689,512 and moving statistics
    np.savez(tmp_path / "net.npz", **{"fc.weight": np.ones((2, 3)), "fc.bias": np.zeros(2)})
    assert main(["summary", str(tmp_path / "net.npz")]) == 0
    assert "2 arrays, 8 numbers" in capsys.readouterr().out
    assert "name does not tell" in error_line(["predict", str(tmp_path / "net.npz"), "x.png"], capsys)
    (tmp_path / "bad.pth").write_bytes(b"no weights")
    assert "bad.pth cannot be used" in error_line(["summary", str(tmp_path / "bad.pth")], capsys)
    (tmp_path / "bad.onnx").write_bytes(b"no network")
    assert "bad.onnx" in error_line(["summary", str(tmp_path / "bad.onnx")], capsys)


def test_open_sizes(tmp_path: Path, capsys: Captured) -> None:
    """As ONNX files of convolutions have them."""
    inputs = cnnfast.Input((None, None, 3))
    pooled = layers.GlobalAveragePooling2D()(layers.Conv2D(4, 3)(inputs))
    model = cnnfast.Model(inputs, layers.Dense(2, activation="softmax")(pooled))
    model.metadata["class_names"] = ["cat", "dog"]
    model.save(tmp_path / "open.cnnfast")
    Image.fromarray(np.eye(8, dtype=np.uint8) * 255).convert("RGB").save(tmp_path / "one.png")
    words = [str(tmp_path / "open.cnnfast"), str(tmp_path / "one.png")]
    assert "--size" in error_line(["predict", *words], capsys)
    assert _told(capsys, *words, "--size", "16")[0]["class"] in ("cat", "dog")
    assert "--size" in error_line(["bench", words[0]], capsys)
    linear((8, 8, 3), 3).save(tmp_path / "fixed.cnnfast")
    words[0] = str(tmp_path / "fixed.cnnfast")
    assert "own weights" in error_line(["predict", *words, "--weights", "other.pth"], capsys)
    assert "leave --size out" in error_line(["predict", *words, "--size", "16"], capsys)


def test_networks_without_weights(capsys: Captured) -> None:
    told = error_line(["predict", "lenet5", "x.png"], capsys)
    assert "lenet5 has no weights" in told
    assert "--weights FILE" in told


def test_bench_of_wrong_words(capsys: Captured) -> None:
    assert "between 1 and" in error_line(["bench", "lenet5", "--threads", "99999"], capsys)
    assert "there is no model nothing" in error_line(["bench", "nothing"], capsys)


def test_bench_compares_by_the_outputs_scale() -> None:
    from cnnfast.cli import bench

    large, tiny = np.array([1.0, 2.0]), np.array([1e-8, 3e-8])
    bench._compare([large, tiny], [large + 1e-3, tiny * 2])
    with pytest.raises(UserError, match=r"otherwise, by 5\.0e-03"):
        bench._compare([large], [large + 1e-2])


def test_bench(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: Captured) -> None:
    from cnnfast.cli import bench

    monkeypatch.setattr(bench, "_SECONDS", 0.001)
    linear((8, 8, 3), 3).save(tmp_path / "net.cnnfast")
    words = ["bench", str(tmp_path / "net.cnnfast"), "--batch-size", "4"]
    there = bench.find_spec("onnxruntime") is not None and bench.find_spec("onnx") is not None
    assert main(words) == 0
    assert ("ONNX Runtime  " in capsys.readouterr().out) == there
    monkeypatch.setattr(bench, "find_spec", lambda name: None)
    assert main(words) == 0
    told = capsys.readouterr().out
    assert "cnnfast" in told
    assert told.splitlines()[-1] == "pip install onnx onnxruntime for a comparison with ONNX Runtime"
    Sequential([cnnfast.Input((None, None, 3)), layers.Conv2D(2, 3)]).save(tmp_path / "open.cnnfast")
    assert "fixed" in error_line(["bench", str(tmp_path / "open.cnnfast")], capsys)
