"""Keras on a backend that can do what a comparison asks for. A process has Keras on one backend only."""

import os
import sys
import warnings
from types import ModuleType

import pytest


def keras_on(*backends: str) -> ModuleType:
    """Keras on one of these backends, the first where nothing has imported it yet; else skips."""
    if "keras" not in sys.modules:
        os.environ["KERAS_BACKEND"] = backends[0]
    reason = f"compares with Keras on {backends[0]}: pip install 'cnnfast[conformance]' tensorflow-cpu"
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Keras's own
        keras: ModuleType = pytest.importorskip("keras", reason=reason)
    found = keras.backend.backend()
    if found not in backends:
        message = f"needs Keras on {' or '.join(backends)}, but this process has it on {found}"
        pytest.skip(message, allow_module_level=True)
    return keras
