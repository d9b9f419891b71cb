"""SGD and Adam over several steps against Keras's formulas; state, trainable flags, constraints."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference import optimizers as reference
from reference.losses import squared_error
from reference.model import Node, ReferenceModel
from support.nets import adam, dense_network, get_weights, refusal, set_weights, sgd

from cnnfast.optimizers import SGD, Adam

INPUTS, UNITS, BATCH = 7, 19, 8
OPTIMIZERS: list[Any] = [
    (sgd(0.1), lambda: reference.SGD(0.1)),
    (sgd(0.05, 0.9), lambda: reference.SGD(0.05, 0.9)),
    (sgd(0.05, 0.9, True), lambda: reference.SGD(0.05, 0.9, True)),
    (adam(0.01), lambda: reference.Adam(0.01)),
    (
        {**adam(0.02), "beta_1": 0.5, "beta_2": 0.9, "epsilon": 1e-3},
        lambda: reference.Adam(0.02, 0.5, 0.9, 1e-3),
    ),
]
IDS = ["sgd", "momentum", "nesterov", "adam", "adam_other_numbers"]


def _problem() -> tuple[Any, ReferenceModel, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    weights = [rng.normal(size=(INPUTS, UNITS)).astype(np.float32), rng.normal(size=UNITS).astype(np.float32)]
    network = dense_network(INPUTS, UNITS)
    set_weights(network, weights)
    x, y = (rng.normal(size=(BATCH, width)).astype(np.float32) for width in (INPUTS, UNITS))
    return network, ReferenceModel([Node("dense", (-1,))], weights), x, y


@pytest.mark.parametrize(("optimizer", "oracle"), OPTIMIZERS, ids=IDS)
def test_ten_steps(optimizer: Any, oracle: Any, isa: str) -> None:
    network, model, x, y = _problem()
    network.configure("mean_squared_error", False, [], optimizer)
    theirs = oracle()
    for step in range(10):
        expected = model.train_step(x, lambda out: squared_error(out, y), theirs)
        assert network.train_step(x, y) == [pytest.approx(expected, rel=1e-5)]
        assert network.step == step + 1
    for got, ref in zip(get_weights(network, 2), model.weights, strict=True):
        np.testing.assert_allclose(got, ref, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("optimizer", "oracle"), OPTIMIZERS, ids=IDS)
def test_learning_rate_may_change_between_steps(optimizer: Any, oracle: Any) -> None:
    network, model, x, y = _problem()
    network.configure("mean_squared_error", False, [], optimizer)
    theirs = oracle()
    assert network.learning_rate == pytest.approx(theirs.learning_rate)
    for rate in (0.1, 0.01, 0.05):
        network.learning_rate = theirs.learning_rate = rate
        network.train_step(x, y)
        model.train_step(x, lambda out: squared_error(out, y), theirs)
    for got, ref in zip(get_weights(network, 2), model.weights, strict=True):
        np.testing.assert_allclose(got, ref, rtol=0, atol=1e-5)


@pytest.mark.parametrize(("optimizer", "oracle"), OPTIMIZERS, ids=IDS)
def test_state_carries_on_bit_for_bit(optimizer: Any, oracle: Any) -> None:
    whole, _, x, y = _problem()
    whole.configure("mean_squared_error", False, [], optimizer)
    for _ in range(3):
        whole.train_step(x, y)
    state = {name: np.array(buffer) for name, buffer in whole.optimizer_state().items()}
    other, _, _, _ = _problem()
    other.configure("mean_squared_error", False, [], optimizer)
    set_weights(other, get_weights(whole, 2))
    other.set_optimizer_state(state, whole.step)
    for _ in range(3):
        assert whole.train_step(x, y) == other.train_step(x, y)
    for a, b in zip(get_weights(whole, 2), get_weights(other, 2), strict=True):
        assert a.tobytes() == b.tobytes()


def test_state_names() -> None:
    network, _, x, y = _problem()
    network.configure("mean_squared_error", False, [], adam())
    network.train_step(x, y)
    assert set(network.optimizer_state()) == {"m", "v"}
    network.configure("mean_squared_error", False, [], sgd(0.1, 0.9))
    assert set(network.optimizer_state()) == {"velocity"}
    assert not network.optimizer_state()["velocity"].any(), "configuring again resets the state"
    assert network.step == 0


@pytest.mark.parametrize(("optimizer", "oracle"), OPTIMIZERS, ids=IDS)
def test_frozen_weights_do_not_move(optimizer: Any, oracle: Any) -> None:
    network, _, x, y = _problem()
    kernel, bias = get_weights(network, 2)
    network.weights[0].trainable = False
    network.configure("mean_squared_error", False, [], optimizer)
    for _ in range(3):
        network.train_step(x, y)
    got_kernel, got_bias = get_weights(network, 2)
    np.testing.assert_array_equal(got_kernel, kernel)
    assert (got_bias != bias).all()
    network.weights[0].trainable = True
    network.train_step(x, y)
    assert (network.weights[0].numpy() != kernel).any()


# Of the problem below: the kernel's norm is above and the bias's below the second limit of each kind.
CLIPPINGS = [("clipnorm", 0.05), ("clipnorm", 0.7), ("global_clipnorm", 0.3), ("global_clipnorm", 1e3)]
CLIPPINGS += [("clipvalue", 0.02), ("clipvalue", 1e3)]


@pytest.mark.parametrize(("kind", "limit"), CLIPPINGS)
@pytest.mark.parametrize(("optimizer", "oracle"), OPTIMIZERS[1::2], ids=IDS[1::2])
def test_clipping(optimizer: Any, oracle: Any, kind: str, limit: float, isa: str) -> None:
    network, model, x, y = _problem()
    network.configure("mean_squared_error", False, [], {**optimizer, kind: limit})
    theirs = reference.Clipped(oracle(), kind, limit)
    for _ in range(5):
        expected = model.train_step(x, lambda out: squared_error(out, y), theirs)
        assert network.train_step(x, y) == [pytest.approx(expected, rel=1e-5)]
    for got, ref in zip(get_weights(network, 2), model.weights, strict=True):
        np.testing.assert_allclose(got, ref, rtol=0, atol=1e-5)


@pytest.mark.parametrize("kind", ["clipnorm", "global_clipnorm", "clipvalue"])
def test_regularizers_are_clipped_too_and_frozen_weights_do_not_count(kind: str) -> None:
    """With no error left but a regularizer's, one SGD step moves the kernel by its clipped gradient alone."""
    network, _, x, _ = _problem()
    kernel = network.weights[0].numpy().astype(np.float64)
    network.weights[0].set_regularizer(0.1, 0.2)
    network.weights[1].trainable = False
    network.configure("mean_squared_error", False, [], {**sgd(1.0), kind: 0.25})
    network.train_step(x, network.predict(x))
    grad = 0.1 * np.sign(kernel) + 0.4 * kernel
    (clipped,) = reference.clip([grad], kind, 0.25)
    assert np.abs(clipped - grad).max() > 0.1
    np.testing.assert_allclose(network.weights[0].numpy(), kernel - clipped, rtol=0, atol=1e-5)


@pytest.mark.parametrize("size", [16383, 16384, 16385, 40000])
@pytest.mark.parametrize("kind", ["clipnorm", "global_clipnorm"])
def test_norms_of_many_partial_sums(kind: str, size: int, threads: Callable[[int], None]) -> None:
    """Norms are summed in pieces of 16384; neither their number nor the threads may show."""
    rng = np.random.default_rng(size)
    x, y = rng.normal(size=(100, size)).astype(np.float32), rng.normal(size=(100, 1)).astype(np.float32)
    bits = set()
    for count in (1, 2, 5):
        threads(count)
        network = dense_network(size, 1)
        network.configure("mean_squared_error", False, [], {**sgd(1.0), kind: 0.5})
        set_weights(network, [np.zeros(weight.shape) for weight in network.weights])
        network.train_step(x, y)
        kernel, bias = get_weights(network, 2)
        bits.add(kernel.tobytes() + bias.tobytes())
    assert len(bits) == 1
    grads = [x.astype(np.float64).T @ -y * 0.02, -y.astype(np.float64).sum(0) * 0.02]
    for got, ref in zip((kernel, bias), reference.clip(grads, kind, 0.5), strict=True):
        np.testing.assert_allclose(got.ravel(), -ref.ravel(), rtol=0, atol=1e-6)


def test_clipping_is_checked() -> None:
    network, _, _, _ = _problem()
    for given in ({"clipnorm": 1.0, "clipvalue": 1.0}, {"global_clipnorm": 0.0}, {"clipnorm": float("nan")}):
        with pytest.raises(ValueError, match="clip") as caught:
            network.configure("mean_squared_error", False, [], {**sgd(0.1), **given})
        refusal(caught.value, "clip")
    for optimizer in (SGD, Adam):
        with pytest.raises(ValueError, match="only one of"):
            optimizer(clipnorm=1.0, global_clipnorm=1.0)
        with pytest.raises(ValueError, match="clipvalue must be above 0"):
            optimizer(clipvalue=0)
        made = optimizer(0.1, global_clipnorm=2)
        assert made.get_config()["global_clipnorm"] == 2.0
        assert optimizer.from_config(made.get_config()).get_config() == made.get_config()


def test_non_negative_constraint() -> None:
    network, model, x, y = _problem()
    network.weights[0].set_constraint("non_negative")
    network.configure("mean_squared_error", False, [], sgd(0.1))
    network.train_step(x, y)
    model.train_step(x, lambda out: squared_error(out, y), reference.SGD(0.1))
    np.testing.assert_allclose(network.weights[0].numpy(), np.maximum(model.weights[0], 0), rtol=0, atol=1e-6)


def test_norm_constraint() -> None:
    """Each output unit's vector of weights is scaled into [minimum, maximum]."""
    network, model, x, y = _problem()
    network.weights[0].set_constraint("norm", 2.0, 2.5)
    network.configure("mean_squared_error", False, [], sgd(0.1))
    network.train_step(x, y)
    model.train_step(x, lambda out: squared_error(out, y), reference.SGD(0.1))
    norms = np.linalg.norm(model.weights[0], axis=0)
    assert norms.min() < 2 < norms.max()
    assert norms.max() > 2.5
    expected = model.weights[0] * np.clip(norms, 2.0, 2.5) / norms
    np.testing.assert_allclose(network.weights[0].numpy(), expected, rtol=0, atol=2e-6)
