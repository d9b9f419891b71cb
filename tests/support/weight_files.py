"""A network of PyTorch's by its arrays, the same here, and files of those arrays in all formats."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from cnnfast import Input, Sequential, layers
from support import torch_files

RNG = np.random.default_rng(0)


def normal(*shape: int) -> np.ndarray:
    return RNG.standard_normal(shape, np.float32)


# A convolution, normalization and two dense layers of PyTorch, the first behind a flatten of 4 x 3 pictures.
STATE = {
    "features.0.weight": normal(5, 2, 3, 3),
    "features.0.bias": normal(5),
    "features.1.weight": normal(5),
    "features.1.bias": normal(5),
    "features.1.running_mean": normal(5),
    "features.1.running_var": np.abs(normal(5)) + 0.5,
    "features.1.num_batches_tracked": np.array(7),
    "classifier.0.weight": normal(6, 60),
    "classifier.0.bias": normal(6),
    "classifier.2.weight": normal(4, 6),
    "classifier.2.bias": normal(4),
}


def net(names: bool = False) -> Sequential:
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


def outputs_of(x: np.ndarray, state: dict[str, np.ndarray] = STATE) -> np.ndarray:
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


def check(model: Any, rtol: float = 1e-5, state: dict[str, np.ndarray] = STATE) -> None:
    x = np.random.default_rng(1).normal(size=(3, 6, 5, 2)).astype(np.float32)
    want = outputs_of(x, state)
    scale = float(np.abs(want).max())
    np.testing.assert_allclose(model.predict(x, verbose=0), want, rtol=0, atol=rtol * scale)


def file_of(tmp_path: Path, content: bytes, name: str = "net.pth") -> Path:
    path = tmp_path / name
    path.write_bytes(content)
    return path


def npz(state: Any, save: Any = np.savez) -> bytes:
    file = io.BytesIO()
    save(file, **state)
    return file.getvalue()


def safetensors(state: dict[str, np.ndarray], dtype: str = "F32") -> bytes:
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
    "safetensors": lambda: safetensors(STATE),
    "npz": lambda: npz(STATE),
    "npz deflated": lambda: npz(STATE, np.savez_compressed),
}
