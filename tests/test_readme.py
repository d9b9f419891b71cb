"""The README's example runs as printed (on fewer images, for one epoch)."""

import re
from pathlib import Path

import numpy as np
import pytest

from cnnfast.datasets import mnist

README = Path(__file__).resolve().parent.parent / "README.md"


@pytest.mark.usefixtures("image_data_format")
def test_example(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    blocks = re.findall(r"^```python\n(.*?)^```$", README.read_text(), re.MULTILINE | re.DOTALL)
    assert len(blocks) == 1
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (64, 28, 28), np.uint8), (np.arange(64) % 10).astype(np.uint8)
    monkeypatch.setattr(mnist, "load_data", lambda: ((images, labels), (images, labels)))
    names: dict[str, object] = {}
    exec(blocks[0].replace("epochs=5", "epochs=1"), names)
    assert names["model"].count_params() == 59_933  # type: ignore[attr-defined]
    assert "val_accuracy" in capsys.readouterr().out
