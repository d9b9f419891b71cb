"""A mean behind a 1x1 convolution is taken before it: fewer pixels are multiplied, and the numbers agree."""

from typing import Any

import numpy as np
import pytest
from support.nets import NetworkBuilder

import cnnfast
from cnnfast import layers


def _network(
    kernel: int = 1,
    size: Any = (2, 2),
    strides: Any = None,
    padding: Any = "valid",
    data_format: str = "channels_last",
) -> tuple[Any, Any, np.ndarray]:
    shape = (9, 8, 20) if data_format == "channels_last" else (20, 9, 8)
    b = NetworkBuilder(shape, data_format=data_format)
    trunk = b.activation(b.conv(-1, 20, (1, 1)), "tanh")
    v = b.average_pool(b.conv(trunk, 37, (kernel, kernel)), size, strides, padding)
    b.activation(v, "sigmoid")
    network, reference = b.build()
    return network, reference, b.rng.normal(size=(3, *shape)).astype(np.float32)


def _is_first(network: Any, mode: Any = "predict") -> bool:
    network.disable_pass("fuse_pool")  # to see the pooling
    ops = [step["op"] for step in network.plan(3, mode) if step["direction"] == "forward"]
    network.disable_pass("fuse_pool", False)
    return ops.index("pool") < len(ops) - 1 - ops[::-1].index("conv2d")


def _assert_close(got: np.ndarray, ref: np.ndarray) -> None:
    np.testing.assert_allclose(got, ref, rtol=0, atol=1e-5 * float(np.abs(ref).max()))


@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize(("size", "strides"), [((2, 2), None), ((3, 2), (2, 1)), ((4, 4), (4, 4))])
def test_values_and_gradients(size: Any, strides: Any, data_format: str, isa: str) -> None:
    network, reference, x = _network(size=size, strides=strides, data_format=data_format)
    assert _is_first(network)
    assert _is_first(network, "vjp")
    out = network.predict(x)
    _assert_close(out, reference.predict(x))
    grad = np.random.default_rng(0).normal(size=out.shape).astype(np.float32)
    grad_x, grads = network.vjp(x, grad)
    ref_x, refs = reference.vjp(x, grad)
    for got, ref in zip([grad_x, *grads], [ref_x, *refs], strict=True):
        _assert_close(got, ref)


@pytest.mark.parametrize(
    "changes",
    [{"kernel": 3}, {"strides": (1, 1)}, {"padding": "same"}, {"padding": ((1, 1), (1, 1))}],
    ids=str,
)
def test_others_stay(changes: dict[str, Any]) -> None:
    """Windows that see several pixels already, that leave as many, and that hang over the border."""
    network, reference, x = _network(**changes)
    assert not _is_first(network)
    _assert_close(network.predict(x), reference.predict(x))


def test_with_a_normalization_in_between() -> None:
    """Folded into the convolution, it is affine, too; the order of training stays."""
    inputs = cnnfast.Input((8, 8, 32))
    value = layers.BatchNormalization()(layers.Conv2D(48, 1)(inputs))
    model = cnnfast.Model(inputs, layers.AveragePooling2D(2)(value))
    weights = [
        np.random.default_rng(i).random(w.shape).astype(np.float32) for i, w in enumerate(model.get_weights())
    ]
    model.set_weights(weights)
    x = np.random.default_rng(0).normal(size=(2, 8, 8, 32)).astype(np.float32)
    names = [row.layer.split("_")[0] for row in model.profile(x).rows if row.direction == "forward"]
    assert names.index("average") < names.index("conv2d")
    made = model.layers[2](model.layers[1](x))
    _assert_close(model.predict(x, verbose=0), np.asarray(layers.AveragePooling2D(2)(made)))
