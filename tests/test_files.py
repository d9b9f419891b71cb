"""Files on the disk: links, modes, names, kills, full disks, short memory, and files of other kinds."""

import errno
import itertools
import json
import os
import pickle
import signal
import stat
import subprocess
import sys
import time
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load_file, save_file
from support.machine import python_environment, run_python
from support.models import same_bits, small_model
from support.nets import refusal

import cnnfast
from cnnfast import Input, layers
from cnnfast.models import ModelFileError, files, load_model

METHODS = pytest.mark.parametrize("method", ["save", "save_weights"])


@METHODS
def test_links_are_followed(method: str, tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    target, link = tmp_path / "far" / "target.x", tmp_path / "link.x"
    link.symlink_to("far/target.x")
    for k in (1, 2):  # one that dangles, then one that does not
        model = small_model(k)
        getattr(model, method)(link)
        getattr(model, method)(tmp_path / "plain.x")
        assert link.is_symlink()
        assert target.read_bytes() == (tmp_path / "plain.x").read_bytes()
    assert [p.name for p in target.parent.iterdir()] == ["target.x"]
    loop = tmp_path / "loop.x"
    loop.symlink_to(loop)
    with pytest.raises(OSError, match="loop") as info:
        getattr(small_model(), method)(loop)
    assert info.value.errno == errno.ELOOP
    assert loop.is_symlink()


@METHODS
def test_modes(method: str, tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        path = tmp_path / "a.x"
        getattr(small_model(), method)(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o640
        path.chmod(0o600)
        getattr(small_model(2), method)(path)
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        path.chmod(0o444)
        old = path.read_bytes()
        with pytest.raises(PermissionError) as info:
            getattr(small_model(3), method)(path)
        refusal(info.value, str(path), "write-protected")
        assert path.read_bytes() == old
    finally:
        os.umask(before)
    assert list(tmp_path.iterdir()) == [path]


@METHODS
def test_targets_that_are_no_files(method: str, tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.x")
    (tmp_path / "folder.x").mkdir()
    with pytest.raises(ValueError, match="ordinary file"):
        getattr(small_model(), method)(tmp_path / "pipe.x")
    with pytest.raises(IsADirectoryError, match=r"folder\.x"):
        getattr(small_model(), method)(tmp_path / "folder.x")
    assert stat.S_ISFIFO((tmp_path / "pipe.x").stat().st_mode)


@METHODS
@pytest.mark.parametrize("name", ["", ".", "/"])
def test_names_that_are_none(method: str, name: str) -> None:
    with pytest.raises(ValueError, match=f"a file needs a name, got {name!r}"):
        getattr(small_model(), method)(name)


@METHODS
def test_longest_names(method: str, tmp_path: Path) -> None:
    path = tmp_path / ("ä" * 126 + ".x")
    assert len(os.fsencode(path.name)) == 254
    getattr(small_model(), method)(path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    with pytest.raises(OSError, match="too long"):
        getattr(small_model(), method)(tmp_path / ("ä" * 128))


def test_names_meet(tmp_path: Path) -> None:
    model = small_model(1)
    model.save(tmp_path / "net")
    model.save_weights(tmp_path / "w")
    (tmp_path / "net").mkdir()  # a folder of that name is none of our files
    assert same_bits(load_model(tmp_path / "net").get_weights(), model.get_weights())
    for name in ("w", "net.cnnfast", "net"):
        other = small_model(2)
        other.load_weights(tmp_path / name)
        assert same_bits(other.get_weights(), model.get_weights())
    with pytest.raises(ModelFileError, match=r"weights alone.*load_weights"):
        load_model(tmp_path / "w")
    with pytest.raises(FileNotFoundError, match=r"absent, nor .*absent\.cnnfast, nor .*absent\.safetensors"):
        load_model(tmp_path / "absent")
    with pytest.raises(IsADirectoryError, match="folder"):
        load_model(tmp_path)


@pytest.mark.parametrize(
    ("method", "name"), [("save", "net.cnnfast"), ("save_weights", "net.safetensors"), ("export_c", "net.c")]
)
def test_a_missing_folder_is_told(method: str, name: str, tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match=rf"no folder .*absent; make it before {name} is written"):
        getattr(small_model(), method)(tmp_path / "absent" / name)


@pytest.mark.parametrize(
    ("method", "suffix", "right"),
    [
        ("save", ".safetensors", "'.cnnfast'"),
        ("save", ".SafeTensors", "'.cnnfast'"),
        ("save_weights", ".cnnfast", "'.safetensors'"),
    ],
)
def test_our_suffixes_are_not_mixed_up(method: str, suffix: str, right: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=f"has the suffix of .* give it {right}, or none"):
        getattr(small_model(), method)(tmp_path / f"m{suffix}")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("method", "suffix"),
    [
        ("save_weights", ".keras"),
        ("save", ".weights.h5"),
        *itertools.product(("save", "save_weights"), (".h5", ".HDF5", ".pt", ".onnx", ".npz")),
    ],
)
def test_suffixes_of_others_are_refused(method: str, suffix: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="suffix") as info:
        getattr(small_model(), method)(tmp_path / f"m{suffix}")
    refusal(info.value, ".cnnfast" if method == "save" else ".safetensors")
    assert not list(tmp_path.iterdir())


def _zip(*names: str) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"{}")

    return make


def _numpy(save: Callable[[Any, Any], None]) -> Callable[[Path], None]:
    def make(path: Path) -> None:
        with path.open("wb") as file:
            save(file, np.ones(3))

    return make


KINDS: dict[str, tuple[Callable[[Path], Any], str]] = {
    "keras": (_zip("metadata.json", "config.json", "model.weights.h5"), "a model of Keras"),
    "torch": (_zip("net/data.pkl", "net/data/0", "net/version"), "a model of PyTorch"),
    "npz": (_numpy(np.savez), "arrays of NumPy"),
    "npy": (_numpy(np.save), "array of NumPy"),
    "h5": (lambda path: path.write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100)), "HDF5"),
    "pickle": (lambda path: path.write_bytes(pickle.dumps({1: 2}, 2)), "pickle"),
    "tflite": (lambda path: path.write_bytes(b"\x1c\0\0\0TFL3" + bytes(100)), "TensorFlow Lite"),
    "png": (lambda path: path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(100)), "a picture"),
    "jpeg": (lambda path: path.write_bytes(b"\xff\xd8\xff\xe0" + bytes(100)), "a picture"),
    "nothing": (lambda path: path.write_bytes(b""), "empty"),
}


@pytest.mark.parametrize("kind", KINDS)
def test_files_of_others_are_called_what_they_are(kind: str, tmp_path: Path) -> None:
    make, name = KINDS[kind]
    make(tmp_path / "file")
    for load in (load_model, small_model().load_weights):
        with pytest.raises(ModelFileError) as info:
            load(tmp_path / "file")
        refusal(info.value, name, str(tmp_path / "file"))


def test_weights_are_no_model(tmp_path: Path) -> None:
    small_model().save_weights(tmp_path / "w")
    with pytest.raises(ModelFileError, match="weights alone") as info:
        load_model(tmp_path / "w.safetensors")
    refusal(info.value, "load_weights")


def test_digest_of_weights(tmp_path: Path) -> None:
    """Over what the library reads; without one a file loads, with a word; with another one it does not."""
    model, other, path = small_model(1), small_model(2), tmp_path / "w.safetensors"
    model.save_weights(path)
    arrays = load_file(path)
    assert same_bits(list(arrays.values()), model.get_weights())
    save_file(arrays, path)
    with pytest.warns(UserWarning, match="no SHA-256"):
        other.load_weights(path)
    assert same_bits(other.get_weights(), model.get_weights())
    before = other.get_weights()
    save_file(arrays, path, {"sha256": "0" * 64})
    with pytest.raises(ModelFileError, match="SHA-256 differs"):
        other.load_weights(path)
    first = next(iter(arrays))
    save_file({**arrays, first: arrays[first].astype(np.float64)}, path)
    with pytest.raises(ModelFileError, match=r"F64.*float32"):
        other.load_weights(path)
    assert same_bits(other.get_weights(), before)


def test_digests_of_models(tmp_path: Path) -> None:
    """A model whose description, or whose arrays, were exchanged is refused though the zip file is sound."""
    model, path = small_model(1), tmp_path / "m.cnnfast"
    model.save(path)
    small_model(2).save(tmp_path / "other.cnnfast")
    with zipfile.ZipFile(path) as archive, zipfile.ZipFile(tmp_path / "other.cnnfast") as other:
        seal, parts = archive.comment, {name: archive.read(name) for name in archive.namelist()}
        weights = other.read("weights.safetensors")
    config = json.loads(parts["config.json"])
    config["training"]["seed"] += 1
    without = {k: v for k, v in config.items() if k != "sha256"}
    for name, content, comment, says in (
        ("weights.safetensors", weights, seal, "SHA-256 differs"),
        ("config.json", json.dumps(config).encode(), seal, "SHA-256 differs"),
        ("config.json", json.dumps(without).encode(), b"", ""),
    ):
        with zipfile.ZipFile(path, "w") as archive:
            archive.comment = comment
            for part, data in {**parts, name: content}.items():
                archive.writestr(part, data)
        if says:
            with pytest.raises(ModelFileError, match=says):
                load_model(path)
        else:
            with pytest.warns(UserWarning, match="no SHA-256"):
                assert same_bits(load_model(path).get_weights(), model.get_weights())


@pytest.mark.parametrize("value", [float("nan"), 10**30, "\ud800", {1, 2}, b"x"], ids=repr)
def test_metadata_must_be_readable_again(value: Any, tmp_path: Path) -> None:
    model = small_model()
    model.metadata = {"x": value}
    with pytest.raises(ValueError, match="JSON") as info:
        model.save(tmp_path / "m")
    refusal(info.value, "metadata")
    assert not list(tmp_path.iterdir())


def test_what_a_kill_left_is_removed(tmp_path: Path) -> None:
    """The next to save in the folder removes it, and leaves what a living process writes."""
    code = f"""
import pathlib, sys, time
from cnnfast.models.files import written_at_once
with written_at_once(pathlib.Path({str(tmp_path)!r}, "a.x")) as file:
    file.write(b"half of it")
    file.flush()
    print("ready", flush=True)
    time.sleep(60)
"""
    with subprocess.Popen(
        [sys.executable, "-c", code], env=python_environment(), stdout=subprocess.PIPE
    ) as child:
        assert child.stdout is not None
        assert child.stdout.readline() == b"ready\n"
        (temporary,) = tmp_path.iterdir()
        small_model().save(tmp_path / "b.x")
        assert temporary.exists(), "its process lives"
        child.send_signal(signal.SIGKILL)
    small_model().save(tmp_path / "b.x")
    assert [p.name for p in tmp_path.iterdir()] == ["b.x"]
    empty = tmp_path / f"{files._PREFIX}0{files._SUFFIX}"
    empty.touch()  # may be one that is just being made
    small_model().save(tmp_path / "b.x")
    assert empty.exists()
    os.utime(empty, (0, time.time() - 3600))
    small_model().save(tmp_path / "b.x")
    assert not empty.exists()


LIMITED = """
import re, resource, signal, cnnfast
from cnnfast import layers
cnnfast.set_num_threads(1)

def mapped():
    return int(open("/proc/self/statm").read().split()[0]) * 4096

def peak(anew=False):
    if anew:
        open("/proc/self/clear_refs", "w").write("5")
    return int(re.search(r"VmHWM:\\s+(\\d+)", open("/proc/self/status").read())[1]) * 1024

def dense(units):
    return cnnfast.Sequential([cnnfast.Input((1000,)), layers.Dense(units, name="d")])
"""


@METHODS
def test_full_disk_is_named(method: str, tmp_path: Path) -> None:
    """A limit on a file's size stands for the disk's."""
    path = tmp_path / "net.x"
    out = run_python(
        LIMITED
        + f"""
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
resource.setrlimit(resource.RLIMIT_FSIZE, (1 << 20, -1))
try:
    dense(1000).{method}({str(path)!r})
except OSError as error:
    print(error.errno, error.filename)
"""
    )
    assert out.split() == [str(errno.EFBIG), str(path)]
    assert not list(tmp_path.iterdir())


def test_loading_weights_keeps_nothing_else(tmp_path: Path) -> None:
    """Meanwhile the file, which lies in memory, and the values, or these and the weights."""
    path = tmp_path / "net.safetensors"
    out = run_python(
        LIMITED
        + f"""
import numpy, safetensors.numpy
net = cnnfast.Sequential([cnnfast.Input((1000,))] + [layers.Dense(1000, name=f"d{{i}}") for i in range(25)])
arrays = {{name: numpy.ones(shape, numpy.float32) for i in range(25)
          for name, shape in ((f"d{{i}}.weight", (1000, 1000)), (f"d{{i}}.bias", (1000,)))}}  # 100 MB
safetensors.numpy.save_file(arrays, {str(path)!r})
del arrays
before = peak(anew=True)
cnnfast.io.load_weights(net, {str(path)!r})
most, size = peak() - before, 25 * 1_001_000 * 4
print(most / size, (peak(anew=True) - before) / size)
"""
    )
    most, kept = map(float, out.split())
    assert most < 2.2
    assert kept < 1.1


@METHODS
def test_saving_takes_one_copy(method: str, tmp_path: Path) -> None:
    """The copy of one moment; nothing is put together once more to be written."""
    out = run_python(
        LIMITED
        + f"""
net = dense(25_000)  # 100 MB
net.network
before = peak(anew=True)
net.{method}({str(tmp_path / "net.x")!r})
print(peak() - before)
"""
    )
    assert 90e6 < int(out) < 125e6


@METHODS
def test_short_memory_is_said(method: str, tmp_path: Path) -> None:
    """While loading and while saving: MemoryError, and nothing is lost."""
    path, load = tmp_path / "net.x", {"save": "cnnfast.models.load_model", "save_weights": "net.load_weights"}
    out = run_python(
        LIMITED
        + f"""
net = dense(25_000)
net.{method}({str(path)!r})
for room, action in ((60, {load[method]}), (60, net.{method})):
    resource.setrlimit(resource.RLIMIT_AS, (mapped() + room * 2**20, -1))
    try:
        action({str(path)!r})
        print("done")
    except MemoryError as error:
        print("MemoryError", error)
    resource.setrlimit(resource.RLIMIT_AS, (-1, -1))
"""
    )
    first, second = out.splitlines()
    assert first.startswith(f"MemoryError there is not enough memory for {path}")
    assert second.startswith("MemoryError")
    assert [p.name for p in tmp_path.iterdir()] == ["net.x"]


def _sparse(path: Path, size: int, begin: bytes) -> None:
    with path.open("wb") as file:
        file.write(begin)
        file.truncate(size)


def test_sparse_files_take_no_memory(tmp_path: Path) -> None:
    header = json.dumps(
        {"0_dense/kernel": {"dtype": "F32", "shape": [750_000_000], "data_offsets": [0, 3_000_000_000]}}
    ).encode()
    _sparse(tmp_path / "zero", 3_000_000_000, b"")
    _sparse(tmp_path / "claims", 8 + len(header) + 3_000_000_000, len(header).to_bytes(8, "little") + header)
    out = run_python(
        LIMITED
        + f"""
net = cnnfast.Sequential([cnnfast.Input((3,)), layers.Dense(2)])
net.network
before = peak(anew=True)
for name in ("zero", "claims"):
    for load in (net.load_weights, cnnfast.models.load_model):
        try:
            load({str(tmp_path)!r} + "/" + name)
        except cnnfast.models.ModelFileError:
            print("refused")
print(peak() - before)
"""
    ).split()
    assert out[:4] == ["refused"] * 4
    assert int(out[4]) < 20e6


def test_a_model_larger_than_its_file_takes_no_memory() -> None:
    """See test_model_file: "huge width"; the part's size is held against what the description needs."""
    from cnnfast.models import tensors

    with pytest.raises(ModelFileError, match="bytes"):
        tensors.check_size(1000, {"kernel": (10**6, 10**6)})
    with pytest.raises(ModelFileError, match="bytes"):
        tensors.check_size(3_000_000_000, {"kernel": (3, 2)})
    tensors.check_size(4 * 6 + 100, {"kernel": (3, 2)})


def test_empty_arrays_and_large_heads(tmp_path: Path) -> None:
    """Many layers: the header that is written is one that the library reads."""
    net = cnnfast.Sequential([Input((3,)), *(layers.Dense(3) for _ in range(100))])
    net.save_weights(tmp_path / "w.safetensors")
    assert same_bits(list(load_file(tmp_path / "w.safetensors").values()), net.get_weights())
    other = cnnfast.Sequential([Input((3,)), *(layers.Dense(3) for _ in range(100))])
    other.load_weights(tmp_path / "w")
    assert same_bits(other.get_weights(), net.get_weights())
