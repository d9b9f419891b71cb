"""ONNX's own tests of backends, those of operators that cnnfast translates; exceptions stand in a list.

Tests of operators that are not in the table (sequences, texts, quantization, recurrent networks, control
flow) do not apply, nor do those that only change one type of numbers to another: all is float32 here.

pip install 'cnnfast[conformance]' && pytest tests/conformance/test_onnx_backend.py
"""

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX's tests are in its package: pip install 'cnnfast[onnx]'")

import onnx
from onnx import numpy_helper
from onnx.backend.test.loader import load_model_tests
from support.onnx_models import LIGHT, light

from cnnfast import io

pytestmark = pytest.mark.peers

# Reason, names of tests.
LISTED: dict[str, list[str]] = json.loads((Path(__file__).parent / "onnx_exceptions.json").read_text())
REASONS = {name: reason for reason, names in LISTED.items() for name in names}
REACHED = 1324


def applies(name: str, model: Any) -> bool:
    return io.onnx_backend.is_compatible(model) and "test_cast" not in name


def nodes() -> list[Any]:
    return [each for each in load_model_tests(kind="node") if applies(each.name, each.model)]


def folders() -> list[Any]:
    found = []
    for kind in ("pytorch-converted", "pytorch-operator", "simple"):
        for each in load_model_tests(kind=kind):
            if applies(each.name, onnx.load(Path(each.model_dir, "model.onnx"))):
                found.append(each)
    return found


with warnings.catch_warnings(action="ignore"):  # of the numbers that the tests are made of
    NODES, FOLDERS = nodes(), folders()


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", NODES, ids=lambda case: case.name)
def test_node(case: Any, request: pytest.FixtureRequest) -> None:
    _expect(case.name, request)
    for inputs, outputs in case.data_sets:
        made = io.onnx_backend.run_model(case.model, inputs)
        _check(made, outputs, case.rtol, case.atol)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("case", FOLDERS, ids=lambda case: case.name)
def test_model(case: Any, request: pytest.FixtureRequest) -> None:
    _expect(case.name, request)
    model = onnx.load(Path(case.model_dir, "model.onnx"))
    for folder in Path(case.model_dir).glob("test_data_set_*"):
        inputs, outputs = _arrays(folder, "input"), _arrays(folder, "output")
        _check(io.onnx_backend.run_model(model, inputs), outputs, case.rtol, max(case.atol, 1e-6))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", sorted(each.stem.removeprefix("light_") for each in LIGHT.glob("*.onnx")))
def test_light_network(name: str) -> None:
    """By ONNX Runtime, with weights that are not all the same."""
    runtime = pytest.importorskip("onnxruntime", reason="compares with ONNX Runtime: pip install onnxruntime")
    proto = light(name)
    session = runtime.InferenceSession(proto.SerializeToString())
    model = io.load_onnx(proto)
    told = model.inputs[0].shape if isinstance(model.inputs, list) else model.inputs.shape
    x = np.random.default_rng(1).normal(size=(1, *told[1:])).astype(np.float32)
    (wanted,) = session.run(None, {session.get_inputs()[0].name: x})
    made = model.predict(x, verbose=0)
    assert np.ptp(wanted) > 1e-3 * np.abs(wanted).max()
    np.testing.assert_allclose(made, wanted, atol=1e-4 * np.abs(wanted).max(), rtol=0)


def test_every_exception_is_a_test() -> None:
    assert set(REASONS) <= {case.name for case in (*NODES, *FOLDERS)}


def test_as_many_pass_as_have() -> None:
    assert len(NODES) + len(FOLDERS) - len(REASONS) >= REACHED


def _expect(name: str, request: pytest.FixtureRequest) -> None:
    if name in REASONS:
        request.applymarker(pytest.mark.xfail(reason=REASONS[name], strict=True))


def _arrays(folder: Path, kind: str) -> list[np.ndarray]:
    count = len(list(folder.glob(f"{kind}_*.pb")))
    protos = [onnx.TensorProto.FromString((folder / f"{kind}_{i}.pb").read_bytes()) for i in range(count)]
    return [numpy_helper.to_array(each) for each in protos]


def _check(made: Any, wanted: Any, rtol: float, atol: float) -> None:
    for ours, theirs in zip(made, wanted, strict=True):
        assert ours.dtype == theirs.dtype
        assert ours.shape == theirs.shape
        if ours.dtype.kind == "V":  # bfloat16 and the like
            ours, theirs = ours.astype(np.float32), theirs.astype(np.float32)
        np.testing.assert_allclose(ours, theirs, rtol=rtol, atol=atol)
