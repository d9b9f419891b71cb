"""Dense layers in bfloat16, of the class "fast": all three directions, where they are chosen, training."""

import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from reference.dense import dense, dense_grad
from support.nets import NetworkBuilder, dense_network, get_weights, refusal, set_weights, sgd
from support.numerical import assert_within, bfloat16

from cnnfast import _core

NAME = "gemm_bf16"
Arrays = tuple[np.ndarray, ...]
Case = tuple[int, int, int]  # samples, inputs, units

# Around the tiles (2, 4, 8 or 14 rows; 16, 32 and 64 columns) and squares (16) of every instruction set.
CASES = list(
    itertools.product(
        [1, 2, 3, 5, 14, 15, 29], [1, 2, 15, 16, 17, 33, 64], [1, 10, 15, 16, 17, 31, 48, 65, 100]
    )
)
# Around the depth of a panel (800), columns packed at once (128), rows and columns of tasks (256, 128, 1024).
BLOCKS = [(1, 799, 1030), (3, 1601, 129), (8, 800, 128), (5, 130, 1025), (257, 31, 130), (801, 130, 33)]


@pytest.fixture(autouse=True)
def _fast(precision: Callable[[Any], None]) -> None:
    precision("fast")


def arrays(case: Case) -> Arrays:
    """x, kernel, bias, and the gradient of the output."""
    batch, inputs, units = case
    rng = np.random.default_rng(batch * 1000003 + inputs * 1009 + units)
    shapes = (batch, inputs), (inputs, units), (units,), (batch, units)
    return tuple(rng.normal(size=shape).astype(np.float32) for shape in shapes)


def rounded(case: Case) -> Arrays:
    """The same as bfloat16 holds them."""
    return tuple(bfloat16(a) for a in arrays(case))


def built(kernel: np.ndarray, bias: np.ndarray, name: str | None = NAME) -> "_core.Network":
    network = dense_network(*kernel.shape)
    set_weights(network, [kernel, bias])
    network.force_algorithm("dense", name)
    return network


def results(network: "_core.Network", x: np.ndarray, grad: np.ndarray) -> Arrays:
    """Output, and the gradients of x, kernel and bias."""
    grad_x, grad_weights = network.vjp(x, grad)
    return network.predict(x), grad_x, *grad_weights


def oracle(x: np.ndarray, kernel: np.ndarray, bias: np.ndarray, grad: np.ndarray) -> Arrays:
    """The same in float64."""
    return dense(x, kernel, bias), *dense_grad(x, kernel, grad)


def check(got: Arrays, operands: Arrays) -> None:
    """Only float32 sums may be off."""
    batch, inputs = operands[0].shape
    terms = inputs + 1, operands[1].shape[1], batch, batch
    bounds = oracle(*(np.abs(a) for a in operands))
    names = "output", "grad_x", "grad_kernel", "grad_bias"
    for parts in zip(got, oracle(*operands), bounds, terms, names, strict=True):
        assert_within(*parts)


@pytest.mark.sweep(CASES)
def test_sweep(case: Case, bf16_isa: str) -> None:
    x, kernel, bias, grad = rounded(case)
    check(results(built(kernel, bias), x, grad), (x, kernel, bias, grad))


@pytest.mark.parametrize("case", BLOCKS, ids=str)
def test_blocks_and_threads(case: Case, threads: Callable[[int], None], bf16_isa: str) -> None:
    x, kernel, bias, grad = rounded(case)
    bits = set()
    for count in (1, 2, 5):
        threads(count)
        got = results(built(kernel, bias), x, grad)
        bits.add(b"".join(a.tobytes() for a in got))
    assert len(bits) == 1
    check(got, (x, kernel, bias, grad))


@pytest.mark.parametrize("case", [(3, 333, 47), (40, 64, 65)], ids=str)
def test_unrounded_values(case: Case, bf16_isa: str) -> None:
    """Two factors of relative error 2^-8 each."""
    x, kernel, bias, grad = arrays(case)
    bounds = oracle(*(np.abs(a) for a in (x, kernel, bias, grad)))
    got = results(built(kernel, bias), x, grad)
    for one, ref, bound in list(zip(got, oracle(x, kernel, bias, grad), bounds, strict=True))[:3]:
        error = np.abs(one - ref) / bound
        assert error.max() <= 1.01 * 2.0**-7
        assert error.max() > 1e-6  # it was rounded


def test_isas_agree() -> None:
    """On unrounded values too: all round alike, and only the order of float32 sums differs."""
    before, each = _core.get_isa(), []
    x, kernel, bias, grad = arrays((9, 201, 70))
    for name in _core.available_isas():
        _core.set_isa(name)
        each.append(results(built(kernel, bias), x, grad))
    _core.set_isa(before)
    bounds = oracle(*(np.abs(a) for a in (x, kernel, bias, grad)))
    for other in each[1:]:
        for a, b, bound in zip(each[0], other, bounds, strict=True):
            assert_within(a, b.astype(np.float64), bound, 200)


def test_rows_do_not_depend_on_the_batch(bf16_isa: str) -> None:
    x, kernel, bias, _ = arrays((33, 901, 40))
    network = built(kernel, bias)
    expected = network.predict(x)
    for batch in (1, 2, 5, 15):
        np.testing.assert_array_equal(network.predict(x[:batch]), expected[:batch])


@pytest.mark.parametrize("kind", ["relu", "tanh"])
def test_activates(kind: str, bf16_isa: str) -> None:
    """In the epilogue, or in a step of its own: the same bits."""
    x, kernel, bias, _ = arrays((5, 30, 27))
    network = dense_network(30, 27, kind)
    set_weights(network, [kernel, bias])
    network.force_algorithm("dense", NAME)
    fused = network.predict(x)
    network.disable_pass("fuse_activation")
    np.testing.assert_array_equal(network.predict(x), fused)


def test_infinities_and_nan_stay(bf16_isa: str) -> None:
    x, kernel = np.eye(19, dtype=np.float32), np.ones((19, 21), np.float32)
    kernel[3, 4], kernel[5, 20], kernel[18, 7] = np.nan, np.inf, 3.4e38  # which rounds to infinity
    got = built(kernel, np.zeros(21, np.float32)).predict(x)
    assert np.isnan(got[:, 4]).all()
    assert got[5, 20] == got[18, 7] == np.inf
    assert np.isfinite(np.delete(got, [4, 7, 20], axis=1)).all()


@pytest.mark.parametrize("case", [(15, 801, 129), (3, 130, 1030)], ids=str)
def test_training_moves_weights_by_the_gradient(
    case: Case, threads: Callable[[int], None], bf16_isa: str
) -> None:
    """In the tasks of the weight gradient: no weight is left out or moved twice, and kept ones follow."""
    x, kernel, bias, target = arrays(case)
    bits = set()
    for count in (1, 2, 5):
        threads(count)
        network = built(kernel, bias)
        network.configure("mean_squared_error", False, [], sgd(1.0))
        grad = (network.predict(x) - target) * np.float32(2 / target.size)
        _, grads = network.vjp(x, grad)
        network.train_step(x, target)
        moved = get_weights(network, 2)
        bits.add(b"".join(w.tobytes() for w in moved))
        np.testing.assert_array_equal(network.predict(x), built(*moved).predict(x))
    assert len(bits) == 1
    for got, before, step in zip(moved, (kernel, bias), grads, strict=True):
        np.testing.assert_allclose(got, before - step, rtol=1e-6, atol=1e-6)


def algorithms(network: "_core.Network", batch: int, mode: Any = "predict") -> set[str]:
    return {s["algorithm"] for s in network.plan(batch, mode) if s["op"] == "dense" and s["algorithm"]}


def test_is_taken_where_it_pays(bf16_isa: str, precision: Callable[[Any], None]) -> None:
    """Few samples wait for kept weights everywhere; many gain where one instruction takes a pair."""
    native = {NAME if bf16_isa == "avx512_bf16" else "gemm"}
    network = built(*arrays((1, 256, 128))[1:3], None)
    network.configure("mean_squared_error", False, [], sgd(0.1))
    assert algorithms(network, 1) == algorithms(network, 7) == {NAME}
    assert algorithms(network, 8) == algorithms(network, 64) == native
    assert algorithms(network, 7, "train") == {"gemm"}
    assert algorithms(network, 8, "train") == algorithms(network, 64, "vjp") == native
    for name in ("exact", "default"):
        precision(name)
        for batch, mode in itertools.product((1, 64), ("predict", "train")):
            assert algorithms(network, batch, mode) == {"gemm"}


def test_only_fast_allows_it(precision: Callable[[Any], None]) -> None:
    network = built(*arrays((1, 16, 16))[1:3])
    for name in ("exact", "default"):
        precision(name)
        with pytest.raises(ValueError, match=NAME) as info:
            network.plan(2, "predict")
        refusal(info.value, "dense", "fast")


def test_unknown_names_are_refused() -> None:
    network = built(*arrays((1, 16, 16))[1:3], "gemm_8")
    with pytest.raises(ValueError, match="gemm_8") as info:
        network.plan(2, "predict")
    refusal(info.value, "dense", "gemm", NAME)


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_training_reaches_the_same_loss(seed: int, precision: Callable[[Any], None], bf16_isa: str) -> None:
    """A task that float32 solves to some 90 % is solved as well with bfloat16 products."""
    rng = np.random.default_rng(seed)
    patterns, y = rng.normal(size=(10, 60)), rng.integers(0, 10, 1200).astype(np.int32)
    x = (patterns[y] * 0.5 + rng.normal(size=(1200, 60))).astype(np.float32)
    losses = {}
    for name, algorithm in (("default", "gemm"), ("fast", NAME)):
        precision(name)
        b = NetworkBuilder((60,), seed)
        b.dense(b.activation(b.dense(-1, 40), "relu"), 10)
        network, _ = b.build()
        network.force_algorithm("dense", algorithm)
        network.configure("sparse_categorical_crossentropy", True, [], sgd(0.05, 0.9))
        for step in range(90):
            at = np.arange(step * 50, step * 50 + 50) % 900
            network.train_step(x, y, at.astype(np.int64))
        losses[name] = network.evaluate_step(x[900:], y[900:])[0]
    assert losses["default"] < 0.7
    assert losses["fast"] == pytest.approx(losses["default"], rel=0.03)
