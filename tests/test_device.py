"""Devices: their names, what is refused, and, where there is one, that it computes what the CPU does."""

from __future__ import annotations

import copy
import pickle
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

import cnnfast
from cnnfast import Sequential, layers

HAS_CUDA = len(cnnfast.devices()) > 1
without_cuda = pytest.mark.skipif(HAS_CUDA, reason="this build has a CUDA device")


@pytest.fixture(autouse=True)
def _device_stays() -> Iterator[None]:
    before = cnnfast.get_device()
    yield
    cnnfast.set_device(before)


def mlp() -> Sequential:
    cnnfast.set_random_seed(1)
    return Sequential([layers.Dense(8, activation="relu", input_shape=(5,)), layers.Dense(3)])


def test_the_cpu_is_the_first_device_and_the_default() -> None:
    assert cnnfast.devices()[0] == "cpu"
    assert cnnfast.get_device() == "cpu"


@pytest.mark.parametrize("name", ["gpu", "", "cuda:", "cuda:x", "cuda:-1", "cuda:0.5", "CPU"])
def test_a_name_that_is_none_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=r'a device is "cpu", "cuda" or "cuda:1" and so on, got'):
        cnnfast.set_device(name)
    with pytest.raises(ValueError, match="a device is"):
        mlp().to(name)
    assert cnnfast.get_device() == "cpu"


@pytest.mark.parametrize("name", [None, 0])
def test_what_is_no_text_is_refused(name: object) -> None:
    with pytest.raises(TypeError, match="a device is"):
        cnnfast.set_device(name)  # type: ignore[arg-type]


@without_cuda
def test_without_cuda_it_is_told_how_to_build_with_it() -> None:
    with pytest.raises(ValueError, match=r"cuda:0 .*-Ccmake\.define\.CNNFAST_CUDA=ON"):
        cnnfast.set_device("cuda")
    model = mlp()
    with pytest.raises(ValueError, match=r"cuda:1 .*-Ccmake\.define\.CNNFAST_CUDA=ON"):
        model.to("cuda:1")
    assert model.device == "cpu"
    assert model.predict(np.zeros((2, 5), np.float32), verbose=0).shape == (2, 3)


def test_a_model_follows_the_process_until_it_is_moved() -> None:
    model = mlp()
    assert model.device == cnnfast.get_device()
    assert model.to("cpu") is model
    assert model.device == "cpu"
    assert model.network.device == "cpu"


def test_the_configuration_names_devices() -> None:
    lines: list[str] = []
    cnnfast.show_config(lines.append)
    assert any(line.startswith("device ") and "cpu (available: cpu" in line for line in lines)
    assert any(line.startswith("cuda ") for line in lines)


def test_copies_and_files_do_not_keep_the_device(tmp_path: Path) -> None:
    model = mlp().to("cpu")
    for twin in (copy.deepcopy(model), pickle.loads(pickle.dumps(model))):
        assert twin._device is None
    model.save(tmp_path / "model.cnnfast")
    assert cnnfast.models.load_model(tmp_path / "model.cnnfast")._device is None
