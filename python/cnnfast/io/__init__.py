"""Files of other libraries.

Example:
    >>> from cnnfast import io
    >>> io.load_weights.__name__
    'load_weights'
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from cnnfast.utils.missing import missing

if TYPE_CHECKING:
    from cnnfast.io import onnx_backend
    from cnnfast.io.matching import LoadReport
    from cnnfast.io.onnx_files import load_onnx, save_onnx
    from cnnfast.io.torch_model import from_torch
    from cnnfast.io.torch_state import to_torch_state_dict
    from cnnfast.io.weights import load_weights

_PLACES = {
    "LoadReport": "matching",
    "from_torch": "torch_model",
    "load_onnx": "onnx_files",
    "load_weights": "weights",
    "save_onnx": "onnx_files",
    "to_torch_state_dict": "torch_state",
}

__all__ = [
    "LoadReport",
    "from_torch",
    "load_onnx",
    "load_weights",
    "onnx_backend",
    "save_onnx",
    "to_torch_state_dict",
]


def __getattr__(name: str) -> Any:
    if name in _PLACES:
        return getattr(import_module(f"{__name__}.{_PLACES[name]}"), name)
    if name == "onnx_backend":
        return import_module(f"{__name__}.{name}")
    raise missing(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
