"""The tutorial's blocks and the example scripts run: on few pictures, for a short time."""

import re
import runpy
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast.cli import main

ROOT = Path(__file__).resolve().parent.parent
EACH = 24  # pictures of a class


def _script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(ROOT / "examples" / f"{name}.py"))


@pytest.fixture(scope="module")
def pictures(tmp_path_factory: pytest.TempPathFactory) -> Callable[[Path], Path]:
    """Unpacks the first cats and dogs of CIFAR-10's test pictures, from the folder that has its archive."""
    folder = tmp_path_factory.mktemp("data")

    def unpack(archives: Path) -> Path:
        if not list(folder.iterdir()):
            with tarfile.open(archives / "cifar10.tar.xz") as packed:
                wanted = {f"test/{name}/{n:04}.jpg" for name in ("cat", "dog") for n in range(EACH)}
                for member in packed:
                    if member.name in wanted:
                        target = folder / "pictures" / member.name.removeprefix("test/")
                        target.parent.mkdir(parents=True, exist_ok=True)
                        file = packed.extractfile(member)
                        assert file is not None
                        target.write_bytes(file.read())
                        wanted.remove(member.name)
                    if not wanted:  # the others need not be unpacked
                        break
        return folder

    return unpack


def test_transfer_tutorial(
    data_folder: Callable[[str], Path],
    pictures: Callable[[Path], Path],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    data_folder("weights")
    monkeypatch.chdir(pictures(data_folder("cifar10-jpeg")))
    text = (ROOT / "docs" / "transfer_learning.md").read_text()
    blocks = re.findall(r"^```python\n(.*?)^```$", text, re.MULTILINE | re.DOTALL)
    assert len(blocks) == 4
    names: dict[str, Any] = {}
    for block in blocks:
        exec(block.replace("epochs=2", "epochs=1"), names)
    assert names["names"] == ("cat", "dog")
    assert re.search(r"dog: \d+%", capsys.readouterr().out)
    losses = names["model"].history.history["loss"]
    assert np.isfinite(losses).all()
    assert main(["predict", "pets.cnnfast", "pictures/cat/0000.jpg", "--top", "2"]) == 0
    assert re.search(r"cat +\d", capsys.readouterr().out)


def test_transfer_script_learns(
    data_folder: Callable[[str], Path], pictures: Callable[[Path], Path], tmp_path: Path
) -> None:
    """It learns its few pictures by heart, and its file goes on where it stopped."""
    data_folder("weights")
    folder = pictures(data_folder("cifar10-jpeg")) / "pictures"
    script = _script("transfer_learning")
    model = script["main"](folder, epochs=8, more_epochs=1, out=tmp_path / "net.cnnfast")
    assert model.output_shape == (None, 1)
    x = np.random.default_rng(0).standard_normal((2, 96, 96, 3), np.float32)
    again = cnnfast.models.load_model(tmp_path / "net.cnnfast")
    np.testing.assert_array_equal(again.predict(x, verbose=0), model.predict(x, verbose=0))
    assert model.history.history["accuracy"][-1] > 0.6
    three, _ = script["build"](3, 96)
    assert three.output_shape == (None, 3)


def test_localization() -> None:
    right, share = _script("localization")["main"](count=1500, epochs=6)
    assert right > 0.8
    assert share > 0.4


def test_segmentation() -> None:
    assert _script("segmentation")["main"](count=300, epochs=8) > 0.5
