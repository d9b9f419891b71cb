"""Keras's own tests of the words that cnnfast has; those that do not pass stand in a list with their reasons.

pip install 'cnnfast[conformance]' && KERAS_BACKEND=numpy pytest tests/conformance
"""

import json
import os
from pathlib import Path

import pytest

if os.environ.get("KERAS_BACKEND") != "numpy":
    pytest.skip("Keras's tests run with KERAS_BACKEND=numpy", allow_module_level=True)
pytest.importorskip("keras", reason="Keras's tests are in its package: pip install 'cnnfast[conformance]'")

from conformance import keras_suite

pytestmark = pytest.mark.peers

EXCEPTIONS: dict[str, str] = json.loads((Path(__file__).parent / "keras_exceptions.json").read_text())
TESTS = [(file, name) for file in keras_suite.files() for name in keras_suite.names(file)]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("file", "name"), TESTS)
def test_keras(file: str, name: str, request: pytest.FixtureRequest) -> None:
    reason = EXCEPTIONS.get(f"{file}:{name}")
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    failure = keras_suite.run(file, name)
    assert failure is None, failure


def test_every_exception_is_a_test() -> None:
    assert set(EXCEPTIONS) <= {f"{file}:{name}" for file, name in TESTS}
