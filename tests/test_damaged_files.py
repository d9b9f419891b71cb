"""Damaged files of others, thousands of them: refused with a sentence, or loaded; no crash, no hang.

A sample runs each time; `pytest tests/test_damaged_files.py -rP --sweep-sample 500` loads 500 of each format
at least and tells the counts, `--sweep-all` 20,000 (2,000 where another process reads each).
"""

import multiprocessing
import subprocess
import sys
import time
from multiprocessing.spawn import get_executable
from pathlib import Path
from typing import Any

import pytest
from support.machine import python_environment
from support.weight_files import file_of, net

from cnnfast.io import hdf5_store, load_weights
from cnnfast.models import ModelFileError

# Of each, how many a sample has at least, and all.
COUNTS = {
    **dict.fromkeys(("pth", "legacy.pth", "safetensors", "npz", "onnx"), (500, 20_000)),
    **dict.fromkeys(("weights.h5", "h5", "keras"), (0, 2_000)),
}
NEEDS = {"onnx": ("onnx", "onnx"), **dict.fromkeys(("weights.h5", "h5", "keras"), ("h5py", "h5"))}


@pytest.mark.parametrize("suffix", COUNTS)
def test_damaged_files(suffix: str, tmp_path: Path, request: pytest.FixtureRequest) -> None:
    if suffix in NEEDS:
        library, extra = NEEDS[suffix]
        pytest.importorskip(library, reason=f"reads such files: pip install 'cnnfast[{extra}]'")
    least, count = COUNTS[suffix]
    if not request.config.getoption("sweep_all"):
        count = max(least, request.config.getoption("sweep_sample"))
    command = [sys.executable, "-m", "support.damaged_files", suffix, str(tmp_path), "0", str(count)]
    begin = time.monotonic()
    done = subprocess.run(
        command, env=python_environment(), capture_output=True, text=True, timeout=60 + count
    )
    lines = done.stdout.splitlines()
    # The last line is the number of the mutant, if one ends the process.
    assert done.returncode == 0, f"exit status {done.returncode}; {lines[-1:]}; {done.stderr[-2000:]}"
    print(f"{lines[-1]}, {time.monotonic() - begin:.1f} s")
    assert int(lines[-1].split()[1]) > count / 2


# -- what the process that reads HDF5 may come to ----------------------------------------------------------

_LIMITED = "import resource; resource.setrlimit(resource.RLIMIT_CPU, (1, 2))"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        (f"{_LIMITED}\nwhile True: pass", "does not come to an end"),
        ("import os; os.kill(os.getpid(), 11)", "ended with SIGSEGV"),
        ("raise SystemExit(3)", "ended with status 3: multiprocessing.set_executable"),
        ("print(chr(123) + chr(125), flush=False, end='')", "ended with status 0"),
    ],
)
def test_ends_of_the_reader(code: str, words: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("h5py", reason="reads such files: pip install 'cnnfast[h5]'")
    (tmp_path / "child.py").write_text(f"import sys; sys.stdin.buffer.readline()\n{code}")
    monkeypatch.setattr(hdf5_store, "_CHILD", str(tmp_path / "child.py"))
    _refused(tmp_path, words)


@pytest.mark.parametrize("executable", [None, "", "frozen"])
def test_a_program_that_knows_no_python(
    executable: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("h5py", reason="reads such files: pip install 'cnnfast[h5]'")
    before = get_executable()
    if executable == "frozen":  # the program is not Python's, but the whole application
        monkeypatch.setattr(sys, "frozen", True, raising=False)
        executable = sys.executable
    try:
        multiprocessing.set_executable(executable)
        _refused(tmp_path, "knows of none: multiprocessing.set_executable")
    finally:
        multiprocessing.set_executable(before)


def _refused(tmp_path: Path, words: str) -> None:
    model = net()
    weights = model.get_weights()
    with pytest.raises(ModelFileError, match=words):
        load_weights(model, file_of(tmp_path, b"\x89HDF\r\n\x1a\n" + bytes(100), "net.h5"))
    assert all((a == b).all() for a, b in zip(weights, model.get_weights(), strict=True))
