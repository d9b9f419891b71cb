"""The scripts of `examples/keras`, run by Keras and by cnnfast from the same weights: the same losses.

Keras runs them as they are, on JAX in float64, from weights that float32 holds: in float32 a script whose
numbers come near a ReLU's edge parts from it by rounding alone, another one on each CPU. For cnnfast only
what they import changes.

pip install 'cnnfast[conformance]' && pytest tests/conformance/test_scripts.py
"""

import builtins
import os
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

if find_spec("keras") is None:
    pytest.skip("Keras runs the scripts, too: pip install 'cnnfast[conformance]'", allow_module_level=True)

pytestmark = pytest.mark.peers

STEPS = 20
SCRIPTS = sorted((Path(__file__).parents[2] / "examples" / "keras").glob("*.py"))
_THEIRS = """
import runpy, sys
import keras, numpy as np
keras.config.set_floatx("float64")
for path in sys.argv[2:]:
    script = runpy.run_path(path, run_name="script")
    keras.utils.set_random_seed(0)
    model = script["build"]()
    begin = [weight.astype(np.float32) for weight in model.get_weights()]
    model.set_weights(begin)
    x, y = script["data"](np.random.default_rng(0))
    model = script["compiled"](model)
    losses = [float(np.ravel(model.train_on_batch(x, y))[0]) for _ in range(%d)]
    name = path.rsplit("/", 1)[-1].removesuffix(".py")
    np.savez(f"{sys.argv[1]}/{name}.npz", losses, *begin)
"""


@pytest.fixture(scope="module")
def theirs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of what Keras began with and came to: losses, then weights, of each script."""
    folder = tmp_path_factory.mktemp("keras")
    environment = {**os.environ, "KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "JAX_ENABLE_X64": "1"}
    command = [sys.executable, "-c", _THEIRS % STEPS, str(folder), *map(str, SCRIPTS)]
    subprocess.run(command, env=environment, check=True, timeout=600)
    return folder


def _import(name: str, *rest: Any) -> Any:
    """`import` with cnnfast in Keras's place."""
    if name == "keras":
        name = "cnnfast"
    return builtins.__import__(name, *rest)


def _ours(path: Path) -> dict[str, Any]:
    module = ModuleType("script")
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    exec(compile(path.read_text(), str(path), "exec"), module.__dict__)
    return vars(module)


@pytest.mark.parametrize("path", SCRIPTS, ids=lambda path: path.stem)
def test_same_losses(path: Path, theirs: Path) -> None:
    with np.load(theirs / f"{path.stem}.npz") as file:
        want, *begin = (file[name] for name in file.files)
    script = _ours(path)
    model = script["build"]()
    model.set_weights(begin)
    x, y = script["data"](np.random.default_rng(0))
    model = script["compiled"](model)
    got = [float(np.ravel(model.train_on_batch(x, y))[0]) for _ in range(STEPS)]
    np.testing.assert_allclose(got, want, rtol=1e-4)
