"""Importing cnnfast is cheap: time over NumPy's own, no threads, nothing optional."""

import subprocess
from pathlib import Path

import pytest
from support.machine import run_python

SECONDS_OVER_NUMPY = 0.12
ROUNDS = 7
# The process's own time: what else the machine does must not count.
_TIMED = """
import time, numpy
before = time.process_time()
import cnnfast
print(time.process_time() - before)
"""


def test_time_over_numpy(tmp_path: Path) -> None:
    # With bytecode, as an installed package has it, whatever the checkout allows.
    cache = {"PYTHONPYCACHEPREFIX": str(tmp_path), "PYTHONDONTWRITEBYTECODE": ""}
    run_python(_TIMED, **cache)
    seconds = min(float(run_python(_TIMED, **cache)) for _ in range(ROUNDS))  # neighbours only add
    assert seconds <= SECONDS_OVER_NUMPY, f"import cnnfast takes {seconds:.3f} s more than NumPy"


def test_starts_no_thread() -> None:
    code = "import numpy, os; a = len(os.listdir('/proc/self/task')); import cnnfast; "
    code += "print(len(os.listdir('/proc/self/task')) - a)"
    assert run_python(code, OPENBLAS_NUM_THREADS="1").strip() == "0"


def test_imports_nothing_optional() -> None:
    names = "matplotlib zarr tqdm safetensors PIL sklearn h5py onnx torch tensorflow keras scipy"
    code = f"import sys, cnnfast; print([n for n in {names.split()!r} if n in sys.modules])"
    assert run_python(code).strip() == "[]"


def test_what_is_lazy_is_not_imported() -> None:
    """One import at the top of one layer would bring all of `cnnfast.ops`, a fifth of the time."""
    lazy = "[f'cnnfast.{n}' for n in cnnfast._LAZY] + ['cnnfast.layers.augmentation']"
    code = f"import sys, cnnfast; print([n for n in {lazy} if n in sys.modules])"
    assert run_python(code).strip() == "[]"


def test_brings_no_slow_modules() -> None:
    """Each of them, or of the classes that `dataclasses` makes, costs a millisecond and more."""
    slow = "pathlib csv urllib.parse tempfile dataclasses"
    code = "import sys, numpy; had = set(sys.modules); import cnnfast; "
    code += f"print([n for n in {slow.split()!r} if n in set(sys.modules) - had])"
    assert run_python(code).strip() == "[]"


def test_compiling_brings_no_slow_modules(tmp_path: Path) -> None:
    """What reads the tuning file took a third of the time of a first `compile`."""
    code = "import sys, numpy; had = set(sys.modules); from cnnfast import Sequential, layers; "
    code += "model = Sequential([layers.Conv2D(2, 3, activation='relu', input_shape=(4, 4, 1))]); "
    code += "model.compile('adam', 'mse', metrics=['mae']); "
    code += "print([n for n in 'pathlib json urllib.parse tempfile'.split() if n in set(sys.modules) - had])"
    assert run_python(code, CNNFAST_TUNE_FILE=str(tmp_path / "none.json")).strip() == "[]"


def test_public_names_are_there() -> None:
    names = "Sequential Model Input layers losses metrics optimizers callbacks initializers regularizers"
    names += " constraints datasets ops utils viz set_num_threads get_num_threads set_image_data_format"
    names += " set_random_seed set_precision get_precision show_config tune"
    missing = f"[n for n in {names.split()!r} if not hasattr(cnnfast, n)]"
    code = f"import cnnfast; print({missing}, cnnfast.__version__)"
    out = run_python(code).split()
    assert out[0] == "[]"
    assert out[1][0].isdigit()


def test_environment_sets_threads_and_isa() -> None:
    code = "import cnnfast; from cnnfast import _core; print(cnnfast.get_num_threads(), _core.get_isa())"
    out = run_python(code, CNNFAST_NUM_THREADS="3", CNNFAST_MAX_ISA="scalar")
    assert out.split() == ["3", "scalar"]


def test_child_time_limit_works() -> None:
    """`run_python` reports failures: a fork that hangs must not pass."""
    with pytest.raises(subprocess.TimeoutExpired):
        run_python("import time; time.sleep(30)", timeout=1)
