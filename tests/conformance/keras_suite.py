"""Keras's own tests, run against our classes.

Keras ships its tests inside its package. Each file is executed as it is, but what it imports of Keras's
words (layers, losses, initializers, ...) comes from cnnfast; helpers stay Keras's, on its NumPy backend. A
name that cnnfast lacks fails the test that asks for it.
"""

from __future__ import annotations

import builtins
import importlib
import unittest
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np

from cnnfast.utils.serialization import serialize

# Keras's module (and all below it) to ours that has its names.
WORDS = {
    "initializers": "cnnfast.initializers",
    "losses": "cnnfast.losses",
    "metrics": "cnnfast.metrics",
    "optimizers.schedules": "cnnfast.schedules",
}
# Names that live elsewhere here.
ELSEWHERE = {
    "compute_fans": ("cnnfast.initializers.initializer", "fans"),
    "squeeze_or_expand_to_same_rank": ("cnnfast.losses.reducing", "same_rank"),
}


def files() -> list[str]:
    """The test files whose words cnnfast has, by their paths in Keras."""
    root = _root()
    folders = [root / word.replace(".", "/") for word in WORDS]
    found = [path for folder in folders for path in folder.rglob("*_test.py")]
    return sorted(str(path.relative_to(root)) for path in found)


def names(file: str) -> Iterator[str]:
    """The tests of a file, as "Class.test_method"."""
    for name, case in vars(_load(file)).items():
        if isinstance(case, type) and issubclass(case, unittest.TestCase) and case.__module__ == file:
            for method in unittest.defaultTestLoader.getTestCaseNames(case):
                if not _skipped(case) and not _skipped(getattr(case, method)):
                    yield f"{name}.{method}"


def _skipped(item: Any) -> bool:
    marks = getattr(item, "pytestmark", [])
    return any(mark.name == "skip" or (mark.name == "skipif" and mark.args[0]) for mark in marks)


def run(file: str, name: str) -> str | None:
    """Runs one test and returns how it failed; None if it did not."""
    case, method = name.split(".")
    result = unittest.TestResult()
    getattr(_load(file), case)(method).run(result)
    failed = [*result.failures, *result.errors]
    return failed[0][1] if failed else None


def _root() -> Path:
    keras = importlib.import_module("keras")
    return Path(str(keras.__file__)).parent / "src"


@cache
def _load(file: str) -> ModuleType:
    module = ModuleType(file)
    module.__dict__["__builtins__"] = {**vars(builtins), "__import__": _import}
    exec(compile((_root() / file).read_text(), file, "exec"), module.__dict__)
    return module


class _Keras:
    """A module of Keras with our words in place of its own."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __getattr__(self, name: str) -> Any:
        path = f"{self._path}.{name}"
        if path == "keras.src.testing":
            return _testing()
        plain = path.removeprefix("keras.").removeprefix("src.")
        if plain in WORDS or any(word.startswith(f"{plain}.") for word in WORDS) or plain == "src":
            return _Keras(path)
        for word, ours in WORDS.items():
            if plain.startswith(f"{word}."):
                return _ours(ours, name)
        return getattr(importlib.import_module(self._path), name)


def _ours(module: str, name: str) -> Any:
    if name == "metrics_utils":  # arguments of AUC that are texts here
        return SimpleNamespace(
            AUCCurve=SimpleNamespace(PR="PR"), AUCSummationMethod=SimpleNamespace(MAJORING="majoring")
        )
    module, name = ELSEWHERE.get(name, (module, name))
    found = importlib.import_module(module)
    is_file = module.endswith(f".{name}") or name.endswith(
        "_metrics"
    )  # of Keras, which keeps words elsewhere
    return found if is_file else getattr(found, name)


def _import(name: str, *rest: Any) -> Any:
    """`import` as the test files see it."""
    names = rest[2] if len(rest) > 2 else None
    if name == "conftest":
        return SimpleNamespace(skip_if_backend=lambda given, reason: lambda test: test)
    if name.split(".")[0] != "keras":
        return builtins.__import__(name, *rest)
    return _Keras(name if names else "keras")


@cache
def _testing() -> Any:
    """Keras's `testing`, with what looks into objects written for ours."""
    from keras.src import testing

    class TestCase(testing.TestCase):  # type: ignore[misc]
        def convert_to_numpy(self, x: Any) -> np.ndarray:
            return np.asarray(x)

        def run_class_serialization_test(self, instance: Any, custom_objects: Any = None) -> Any:
            """An object comes back from its configuration, and from what `serialize` makes of it."""
            config = instance.get_config()
            revived = type(instance).from_config(config)
            assert revived.get_config() == config
            if custom_objects is None:
                family = importlib.import_module(".".join(type(instance).__module__.split(".")[:2]))
                get = getattr(family, "get", None) or family.deserialize
                assert get(serialize(instance)).get_config() == config
            return revived

        def assertRaisesRegex(self, error: Any, _: Any, *rest: Any, **named: Any) -> Any:  # noqa: N802
            """The same kind of error; its words are ours."""
            return self.assertRaises(error, *rest, **named)  # noqa: PT027

    return SimpleNamespace(**{**vars(testing), "TestCase": TestCase})
