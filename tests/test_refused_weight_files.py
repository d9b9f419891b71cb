"""Weight files of others that are damaged, malicious or of another kind: refused, and nothing is run."""

import io
import pickle
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support import torch_files
from support.machine import run_python
from support.nets import refusal
from support.torch_files import Call, Global, Persistent, dumped
from support.weight_files import STATE, check, file_of, net, safetensors

from cnnfast import Input, Sequential, layers
from cnnfast.io import load_weights
from cnnfast.models import ModelFileError


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
            load_weights(net(), file_of(tmp_path, write({}, state)))
        refusal(info.value, name, "only tensors", "state_dict")
    with pytest.raises(ModelFileError, match="uses"):
        load_weights(net(), file_of(tmp_path, pickle.dumps(_Bomb(mark), 2)))
    assert not mark.exists()


def test_pickles_change_nothing_of_ours(tmp_path: Path) -> None:
    """BUILD sets attributes of what a pickle names."""
    build = b"\x80\x02ctorch._utils\n_rebuild_tensor_v2\n}X\x05\x00\x00\x00_makeK\x01sb."
    content = (
        dumped(torch_files.MAGIC) + dumped(torch_files.PROTOCOL) + dumped({"little_endian": True}) + build
    )
    with pytest.raises(ModelFileError, match="damaged"):
        load_weights(net(), file_of(tmp_path, content))
    model = net()
    load_weights(model, file_of(tmp_path, torch_files.legacy(STATE)))
    check(model)


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
        load_weights(model, file_of(tmp_path, torch_files.zipped({"0": array}, state)))


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
        (safetensors(STATE)[:-1], ("safetensors",)),
    ],
)
def test_refusals(content: bytes, words: tuple[str, ...], tmp_path: Path) -> None:
    with pytest.raises(ModelFileError) as info:
        load_weights(net(), file_of(tmp_path, content))
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
            load_weights(net(), tmp_path / "net.pth")
