"""Arrays of PyTorch and JAX go in and ours go out, by DLPack alone where that is all there is."""

import gc
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Sequential, Variable, layers, losses, metrics, ops

torch = pytest.importorskip("torch", reason="PyTorch is an extra of the development environment")
X = np.random.default_rng(0).standard_normal((4, 5), np.float32)


class Only:
    """What speaks DLPack and nothing else."""

    def __init__(self, x: Any) -> None:
        self.x = x

    def __dlpack__(self, **how: Any) -> Any:
        return self.x.__dlpack__(**how)

    def __dlpack_device__(self) -> Any:
        return self.x.__dlpack_device__()


class Old(Only):
    """As before version 1 of the protocol."""

    def __dlpack__(self, stream: Any = None) -> Any:
        return (self.x.copy() if isinstance(self.x, np.ndarray) else self.x).__dlpack__()  # never read only


def _read_only() -> np.ndarray:
    x = X.copy()
    x.flags.writeable = False
    return x


def _jax() -> Any:
    return pytest.importorskip("jax.numpy", reason="takes JAX's arrays: pip install jax")


GIVEN: dict[str, Callable[[], Any]] = {
    "numpy": lambda: X,
    "read only": _read_only,
    "torch": lambda: torch.from_numpy(X),
    "strides": lambda: torch.from_numpy(np.ascontiguousarray(X.T)).t(),
    "every other": lambda: torch.from_numpy(np.repeat(X, 2, axis=1))[:, ::2],
    "float64": lambda: torch.from_numpy(X).double(),
    "jax": lambda: _jax().asarray(X),
}


@pytest.mark.parametrize("form", [lambda x: x, Only, Old], ids=["itself", "DLPack alone", "old"])
@pytest.mark.parametrize("name", GIVEN)
def test_arrays_of_others(name: str, form: Callable[[Any], Any]) -> None:
    given = form(GIVEN[name]())
    model = Sequential([Input((5,)), layers.Dense(3)])
    expected = model.predict(X, verbose=0)
    np.testing.assert_array_equal(model.predict(given, verbose=0), expected)
    np.testing.assert_array_equal(model(given), expected)
    np.testing.assert_array_equal(ops.relu(given), np.maximum(X, 0))
    model.compile("sgd", "mse")
    np.testing.assert_allclose(
        model.evaluate(given, Only(torch.zeros(4, 3)), verbose=0), (expected**2).mean(), rtol=1e-5
    )
    model.fit(given, torch.ones(4, 3), sample_weight=torch.ones(4), verbose=0)
    np.testing.assert_allclose(losses.MeanSquaredError()(given, X), 0)
    metric = metrics.MeanSquaredError()
    metric.update_state(given, X)
    assert metric.result() == 0
    Variable(np.zeros((4, 5))).assign(given)


@pytest.mark.parametrize("dtype", ["float16", "int64", "uint8", "bool"])
def test_other_kinds_of_numbers(dtype: str) -> None:
    given = (torch.from_numpy(X) * 3).abs().to(getattr(torch, dtype))
    for form in (given, Only(given)):
        np.testing.assert_array_equal(ops.add(form, 0.0), given.float())


def test_what_cannot_be_taken_is_told() -> None:
    model = Sequential([Input((5,)), layers.Dense(3)])
    x = torch.from_numpy(X)
    for given, text in (
        (x.bfloat16(), "BFloat16"),
        (Only(x.bfloat16()), "dtype"),
        (x.to(torch.complex64), "real numbers, got complex64"),
        (x.clone().requires_grad_(), "detach"),
        (torch.nn.Parameter(x), "detach"),
        (x.to_sparse(), "to_dense"),
        (torch.zeros(4, 5, device="meta"), "meta"),
        (torch.zeros(0, 5), "at least one sample"),
    ):
        with pytest.raises(ValueError, match=text):
            model.predict(given, verbose=0)


def test_weights_go_out_as_copies_that_stay() -> None:
    jax = pytest.importorskip("jax", reason="gives arrays to JAX: pip install jax")
    kernel = Variable(np.arange(6.0).reshape(2, 3))
    taken = [torch.from_dlpack(kernel), np.from_dlpack(kernel), jax.dlpack.from_dlpack(kernel)]
    kernel.assign(np.zeros((2, 3)))
    del kernel
    gc.collect()
    for each in taken:
        np.testing.assert_array_equal(np.asarray(each), np.arange(6.0).reshape(2, 3))
    one = Variable(3.0)
    assert torch.from_dlpack(one).shape == ()
    with pytest.raises(BufferError, match="get a copy"):
        np.from_dlpack(one, copy=False)


def test_what_is_computed_goes_out_without_a_copy() -> None:
    made = ops.relu(X)
    shared = torch.from_dlpack(made)
    shared += 1
    np.testing.assert_array_equal(made, np.maximum(X, 0) + 1)
    del made
    gc.collect()
    np.testing.assert_array_equal(shared, np.maximum(X, 0) + 1)
