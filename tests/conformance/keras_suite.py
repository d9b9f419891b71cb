"""Keras's own tests, run against our classes.

Keras ships its tests inside its package. Each file is executed as it is, but what it imports of Keras's
words (layers, losses, initializers, ...) comes from cnnfast; helpers stay Keras's, on its NumPy backend. A
name that cnnfast lacks fails the test that asks for it.
"""

from __future__ import annotations

import builtins
import functools
import importlib
import inspect
import sys
import unittest
from collections.abc import Iterator
from fnmatch import fnmatch
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value

# Keras's module (and all below it) to ours that has its names.
WORDS = {
    "activations": "cnnfast.activations",
    "callbacks": "cnnfast.callbacks",
    "constraints": "cnnfast.constraints",
    "initializers": "cnnfast.initializers",
    "layers": "cnnfast.layers",
    "losses": "cnnfast.losses",
    "metrics": "cnnfast.metrics",
    "models": "cnnfast.models",
    "ops": "cnnfast.ops",
    "ops.image": "cnnfast.ops.image",
    "ops.linalg": "cnnfast.ops.linalg",
    "optimizers": "cnnfast.optimizers",
    "optimizers.schedules": "cnnfast.schedules",
    "regularizers": "cnnfast.regularizers",
}
# Names that live elsewhere here.
ELSEWHERE = {
    "compute_fans": ("cnnfast.initializers.initializer", "fans"),
    "random": ("keras", "random"),
    "squeeze_or_expand_to_same_rank": ("cnnfast.losses.reducing", "same_rank"),
    "validate_float_arg": ("cnnfast.utils.arguments", "real_number"),
}
_SKIPPED = "\nSkipped: "  # how a test that pytest was told to skip ends in unittest's words
# What Keras has at its top.
CLASSES = ("Input", "Layer", "Loss", "Metric", "Model", "Optimizer", "Sequential")
# Files that are about other things than convolutional networks, arrays of numbers and float32.
BESIDES = (
    "layers/attention/*",
    "layers/core/einsum_dense_test.py",
    "layers/core/masking_test.py",
    "layers/core/reversible_embedding_test.py",
    "layers/preprocessing/data_layer_test.py",
    "layers/preprocessing/feature_space_test.py",
    "layers/preprocessing/*hash*_test.py",
    "layers/preprocessing/*lookup_test.py",
    "layers/preprocessing/*spectrogram_test.py",
    "layers/preprocessing/text_vectorization_test.py",
    "layers/preprocessing/image_preprocessing/*bounding_box*",
    "models/*",
    "ops/function_test.py",
    "ops/node_test.py",
    "ops/operation_test.py",
    "ops/operation_utils_test.py",
    "ops/ops_test.py",
    "ops/symbolic_arguments_test.py",
    "layers/rnn/*lstm*",
    "layers/rnn/*rnn*",
    "layers/rnn/bidirectional_test.py",
    "layers/rnn/gru_test.py",
    "callbacks/orbax*",
    "callbacks/remote_monitor_test.py",
    "callbacks/tensorboard_test.py",
    "optimizers/*sparse_test.py",
    "optimizers/loss_scale_optimizer_test.py",
    "optimizers/multi_optimizer_test.py",
    "optimizers/schedule_free_adamw_test.py",
)
# Classes of tests that are: of the fifteen dtypes that results have there, of sparse tensors; and a test for
# which an endless loop would run.
CLASSES_BESIDES = {
    "ops/core_test.py": ("CoreOpsDtypeTest", "CoreOpsBehaviorTests.test_while_loop_output_spec"),
    "ops/image_test.py": ("ImageOpsDtypeTest",),
    "ops/math_test.py": ("MathDtypeTest",),
    "ops/nn_test.py": ("NNOpsDtypeTest",),
    "ops/numpy_test.py": ("NumpyDtypeTest", "SparseTest"),
}


def files() -> list[str]:
    """The test files whose words cnnfast has, by their paths in Keras."""
    root = _root()
    folders = [root / word.replace(".", "/") for word in WORDS]
    found = {str(path.relative_to(root)) for folder in folders for path in folder.rglob("*_test.py")}
    return sorted(file for file in found if not any(fnmatch(file, besides) for besides in BESIDES))


def names(file: str) -> Iterator[str]:
    """The tests of a file, as "Class.test_method"."""
    for name, case in vars(_load(file)).items():
        besides = CLASSES_BESIDES.get(file, ())
        if name in besides:
            continue
        if isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == file:
            for method in unittest.defaultTestLoader.getTestCaseNames(case):
                skipped = _skipped(case) or _skipped(getattr(case, method))
                if not skipped and f"{name}.{method}" not in besides:
                    yield f"{name}.{method}"


def _skipped(item: Any) -> bool:
    marks = getattr(item, "pytestmark", [])
    return any(mark.name == "skip" or (mark.name == "skipif" and mark.args[0]) for mark in marks)


def run(file: str, name: str) -> str | None:
    """Runs one test and returns how it failed; None if it did not."""
    case, method = name.split(".", 1)
    for reading in READINGS:
        _set_image_data_format("channels_last")  # a test that failed may have left another
        KerasTensor.reading, KerasTensor.graph = reading, Tracing()
        KerasTensor.made = 0
        result = unittest.TestResult()
        getattr(_load(file), case)(method).run(result)
        failed = [*result.failures, *result.errors]
        told = failed[0][1] if failed else None
        if told is None or not KerasTensor.made:
            break
    if told is not None and _SKIPPED in told:
        pytest.skip(told.rpartition(_SKIPPED)[2].strip())
    return told


def _root() -> Path:
    keras = importlib.import_module("keras")
    return Path(str(keras.__file__)).parent / "src"


@cache
def _load(file: str) -> ModuleType:
    module = ModuleType(file)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    sys.modules[file] = module  # where its classes say they are from
    exec(compile((_root() / file).read_text(), file, "exec"), module.__dict__)
    return module


class _Absent:
    """A library, or one of our words, that is not there, and that some tests want."""

    def __init__(self, name: str) -> None:
        self._name = name

    def __getattr__(self, name: str) -> Any:
        return _Absent(f"{self._name}.{name}")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        raise AssertionError(f"{self._name} is not there")


class _Keras:
    """A module of Keras with our words in place of its own."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}.{name}"
        if path in ("keras.src.testing", "keras.src.testing.test_case"):
            return _testing()
        if self._path.endswith("_test"):  # a helper of another test file
            file = self._path.removeprefix("keras.src.").replace(".", "/") + ".py"
            return vars(_load(file))[name]
        plain = path.removeprefix("keras.").removeprefix("src.")
        if plain in WORDS or any(word.startswith(f"{plain}.") for word in WORDS) or plain == "src":
            return _Keras(path)
        for word, ours in sorted(WORDS.items(), reverse=True):  # the longer first
            if plain.startswith(f"{word}."):
                return _ours(ours, name, plain)
        if plain == "backend.common.keras_tensor":
            return _Keras(path)
        if plain == "backend.common.keras_tensor.KerasTensor":
            return KerasTensor
        if plain == "backend":
            return _Backend(path)
        if plain in CLASSES:
            return getattr(cnnfast, plain)
        return getattr(importlib.import_module(self._path), name)


class _Backend(_Keras):
    """Keras's backend with our variables and symbolic tensors."""

    def __getattr__(self, name: str) -> Any:
        ours = {
            "KerasTensor": KerasTensor,
            "Variable": cnnfast.Variable,
            "compute_output_spec": compute_output_spec,
            "set_image_data_format": _set_image_data_format,
        }
        return ours.get(name) or getattr(importlib.import_module(self._path), name)


def _set_image_data_format(data_format: str) -> None:
    """Tells Keras and us."""
    importlib.import_module("keras").config.set_image_data_format(data_format)
    cnnfast.set_image_data_format(data_format)  # type: ignore[arg-type]


def compute_output_spec(function: Any, *tensors: Any) -> Any:
    """What a function makes of symbolic tensors; a metric, which has numbers only, of ones in their place."""
    if isinstance(function, cnnfast.Metric):
        tensors = tuple(np.ones([size or 2 for size in each.shape], np.float32) for each in tensors)
    return function(*tensors)


# What a symbolic tensor of Keras, which has a shape alone, is here; a test passes with one of them.
READINGS = (
    "an input where sizes are unknown, else what stands for an array",
    "what stands for a batch or for an array",
    "an input",
)


class _Symbolic(type):
    def __instancecheck__(cls, x: Any) -> bool:
        return isinstance(x, (SymbolicTensor, Value))


class KerasTensor(metaclass=_Symbolic):
    """Makes what is symbolic here, as one of the readings."""

    graph = Tracing()  # of the test that runs
    reading = READINGS[0]
    made = 0

    def __new__(cls, shape: Any, dtype: str = "float32", sparse: bool = False, **_: Any) -> Any:
        assert not sparse, "no sparse tensors"
        cls.made += 1
        batch, unknown = tuple(shape)[:1] == (None,), None in tuple(shape)[1:]
        if (cls.reading == READINGS[2] and shape) or unknown or (batch and cls.reading == READINGS[0]):
            return cnnfast.Input(tuple(shape[1:]), batch_size=shape[0])
        return cls.graph.value(cls.graph.input(tuple(shape)[batch:], f"x{cls.graph.size}", int(batch)))


def _testing() -> Any:
    from conformance.keras_case import TestCase
    from keras.src import testing
    from keras.src.testing import test_utils

    return SimpleNamespace(**{**vars(testing), "TestCase": TestCase, "test_utils": test_utils})


def _ours(module: str, name: str, plain: str) -> Any:
    if name == "metrics_utils":  # arguments of AUC that are texts here
        return SimpleNamespace(
            AUCCurve=SimpleNamespace(PR="PR"), AUCSummationMethod=SimpleNamespace(MAJORING="majoring")
        )
    if plain.startswith("ops.") and _is_module(f"keras.src.{plain}"):
        return _Keras(f"keras.src.{plain}")
    if plain.startswith("ops.") and name[0].isupper():
        return _class_of_word(importlib.import_module(f"keras.src.{plain.rpartition('.')[0]}"), module, name)
    module, name = ELSEWHERE.get(name, (module, name))
    found = importlib.import_module(module)
    if hasattr(found, name):
        return getattr(found, name)
    # A file of Keras, which has words in more of them; or a word that we lack, on whose use tests fail.
    return _Keras(f"keras.src.{plain}") if _is_module(f"keras.src.{plain}") else _Absent(plain)


def _class_of_word(parent: Any, module: str, name: str) -> Any:
    """A class in which Keras keeps an operation's arguments until it is called on tensors: our function."""
    if name == "KerasTensor":
        return KerasTensor
    theirs, known = getattr(parent, name), importlib.import_module(module).__all__
    wanted = name.lower().replace("norm", "normalization") if name.endswith("Norm") else name.lower()
    plain = next((word for word in known if word.replace("_", "") == wanted), None)
    word = _Absent(name) if plain is None else _ours(module, plain, f"ops.{plain}")

    def make(*args: Any, **kwargs: Any) -> _Word:
        return _Word(theirs, word, inspect.signature(theirs).bind(*args, **kwargs).arguments)

    return make


class _Word:
    """A function with those of its arguments that are no tensors."""

    def __init__(self, theirs: Any, function: Any, arguments: dict[str, Any]) -> None:
        self.__dict__.update(arguments)
        arguments.pop("name", None)
        self._function, self._arguments = function, arguments
        self._signature = inspect.signature(functools.partial(theirs.call, None))

    def __call__(self, *tensors: Any, **named: Any) -> Any:
        given = self._signature.bind(*tensors, **named)
        several = any(each.kind is each.VAR_POSITIONAL for each in self._signature.parameters.values())
        if several:  # tensors: `indexing` comes behind, `subscripts` before them
            after = dict(self._arguments)
            before = [after.pop("subscripts")] if "subscripts" in after else []
            return self._function(*before, *given.args, **after)
        if not self._arguments:
            return self._function(*given.args, **given.kwargs)
        return self._function(**given.arguments, **self._arguments)

    call = symbolic_call = compute_output_spec = __call__


def _is_module(path: str) -> bool:
    parent, _, name = path.rpartition(".")
    folders = getattr(importlib.import_module(parent), "__path__", [])
    return any((Path(folder) / name).exists() or (Path(folder) / f"{name}.py").exists() for folder in folders)


def _import(name: str, *rest: Any) -> Any:
    """`import` as the test files see it."""
    names = rest[2] if len(rest) > 2 else None
    if name == "conftest":
        return SimpleNamespace(skip_if_backend=lambda given, reason: lambda test: test)
    if name.split(".")[0] in ("tensorflow", "grain"):
        return _Absent(name)
    if name.split(".")[0] != "keras":
        return builtins.__import__(name, *rest)
    return _Keras(name if names else "keras")
