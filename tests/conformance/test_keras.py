"""Keras's own tests of the words that cnnfast has; those that do not pass stand in a list with their reasons.

The list has two parts: tests that do not apply, since they ask for what cnnfast is not (other dtypes than
float32, masks, quantization, sparse tensors, what only a backend of Keras has), and exceptions among those
that apply. Of these, 95 of 100 are to pass; where we are is held by the last test. Tests that Keras itself
skips on its NumPy backend count for neither.

pip install 'cnnfast[conformance]' && pytest tests/conformance
"""

import json
from pathlib import Path

import pytest
from conformance import keras_suite
from support.keras_backend import keras_on

keras_on("numpy")

pytestmark = pytest.mark.peers

# Part of the list, reason, names of tests as "file:Class.test".
LISTED: dict[str, dict[str, list[str]]] = json.loads(
    (Path(__file__).parent / "keras_exceptions.json").read_text()
)
REASONS = {name: reason for part in LISTED.values() for reason, names in part.items() for name in names}
EXCEPTIONS = [name for names in LISTED["exceptions"].values() for name in names]
SKIPPED: set[str] = set()  # by Keras itself, as the tests are run
REACHED = 0.96
TESTS = [(file, name) for file in keras_suite.files() for name in keras_suite.names(file)]


@pytest.mark.filterwarnings("default")
@pytest.mark.parametrize(("file", "name"), TESTS)
def test_keras(file: str, name: str, request: pytest.FixtureRequest) -> None:
    reason = REASONS.get(f"{file}:{name}")
    if reason is not None:
        request.applymarker(pytest.mark.xfail(reason=reason, strict=True))
    try:
        failure = keras_suite.run(file, name)
    except pytest.skip.Exception:
        SKIPPED.add(f"{file}:{name}")
        raise
    assert failure is None, failure


def test_every_exception_is_a_test() -> None:
    assert set(REASONS) <= {f"{file}:{name}" for file, name in TESTS}


def test_as_many_pass_as_have() -> None:
    apply = len(TESTS) - len(SKIPPED) - len(REASONS) + len(EXCEPTIONS)
    passing = apply - len(EXCEPTIONS)
    assert passing >= REACHED * apply, f"{passing} of {apply} pass"
