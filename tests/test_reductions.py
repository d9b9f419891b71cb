"""Reductions of `cnnfast.ops` against NumPy in float64: each word a row, over any axes."""

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnfast import Input, Model, Sequential, layers, ops
from cnnfast.layers.tracing import Tracing
from cnnfast.losses import CategoricalCrossentropy
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network

Floats = NDArray[Any]


@dataclass(frozen=True)
class Word:
    """A word, and what NumPy makes of float64 numbers, an axis and keepdims."""

    name: str
    oracle: Callable[[Floats, Any, bool], Floats]
    options: dict[str, Any] = field(default_factory=dict)
    one_axis: bool = False  # or all
    exact: bool = False
    smooth: bool = True  # has a gradient
    keeps: bool = True  # takes keepdims

    def __call__(self, x: Any, axis: Any, keepdims: bool) -> Any:
        kept = {"keepdims": keepdims} if self.keeps else {}
        return getattr(ops, self.name)(x, axis=axis, **kept, **self.options)

    def __str__(self) -> str:
        return "-".join([self.name, *(f"{k}={v}" for k, v in self.options.items())])


def _logsumexp(x: Floats, axis: Any, keepdims: bool) -> Floats:
    return np.log(np.exp(x).sum(axis, keepdims=keepdims))


def _index(of: Callable[..., Any]) -> Callable[[Floats, Any, bool], Floats]:
    return lambda x, axis, keepdims: np.asarray(of(x, axis=axis, keepdims=keepdims), float)


def _p_norm(p: float) -> Callable[[Floats, Any, bool], Floats]:
    return lambda x, axis, keepdims: (np.abs(x) ** p).sum(axis, keepdims=keepdims) ** (1 / p)


WORDS = [
    Word("sum", lambda x, axis, keep: x.sum(axis, keepdims=keep)),
    Word("mean", lambda x, axis, keep: x.mean(axis, keepdims=keep)),
    Word("prod", lambda x, axis, keep: x.prod(axis, keepdims=keep)),
    Word("max", lambda x, axis, keep: x.max(axis, keepdims=keep), exact=True),
    Word("min", lambda x, axis, keep: x.min(axis, keepdims=keep), exact=True),
    Word("amax", lambda x, axis, keep: x.max(axis, keepdims=keep), exact=True),
    Word("argmax", _index(np.argmax), one_axis=True, exact=True, smooth=False),
    Word("argmin", _index(np.argmin), one_axis=True, exact=True, smooth=False),
    Word("all", lambda x, axis, keep: np.all(x, axis, keepdims=keep).astype(float), exact=True, smooth=False),
    Word("any", lambda x, axis, keep: np.any(x, axis, keepdims=keep).astype(float), exact=True, smooth=False),
    Word(
        "count_nonzero",
        lambda x, axis, keep: np.asarray(np.count_nonzero(x, axis), float),
        exact=True,
        smooth=False,
        keeps=False,
    ),
    Word("average", lambda x, axis, keep: x.mean(axis), keeps=False),
    Word("var", lambda x, axis, keep: x.var(axis, keepdims=keep)),
    Word("std", lambda x, axis, keep: x.std(axis, keepdims=keep)),
    Word("ptp", lambda x, axis, keep: np.ptp(x, axis, keepdims=keep)),
    Word("nansum", lambda x, axis, keep: x.sum(axis, keepdims=keep)),
    Word("nanprod", lambda x, axis, keep: x.prod(axis, keepdims=keep)),
    Word("nanmean", lambda x, axis, keep: x.mean(axis, keepdims=keep)),
    Word("nanvar", lambda x, axis, keep: x.var(axis, keepdims=keep)),
    Word("nanstd", lambda x, axis, keep: x.std(axis, keepdims=keep)),
    Word("nanmax", lambda x, axis, keep: x.max(axis, keepdims=keep), exact=True),
    Word("nanmin", lambda x, axis, keep: x.min(axis, keepdims=keep), exact=True),
    Word("nanargmax", _index(np.argmax), one_axis=True, exact=True, smooth=False),
    Word("nanargmin", _index(np.argmin), one_axis=True, exact=True, smooth=False),
    Word("logsumexp", _logsumexp),
    Word("log_softmax", lambda x, axis, keep: x - _logsumexp(x, axis, True), keeps=False),
    Word("softmax", lambda x, axis, keep: np.exp(x - _logsumexp(x, axis, True)), keeps=False),
    Word("norm", _p_norm(2)),
    Word("norm", _p_norm(1), {"ord": 1}, one_axis=True),
    Word("norm", _p_norm(3), {"ord": 3}, one_axis=True),
    Word("norm", lambda x, axis, keep: np.abs(x).max(axis, keepdims=keep), {"ord": math.inf}, one_axis=True),
    Word("norm", lambda x, axis, keep: np.abs(x).min(axis, keepdims=keep), {"ord": -math.inf}, one_axis=True),
    Word("normalize", lambda x, axis, keep: x / _p_norm(2)(x, axis, True), one_axis=True, keeps=False),
]

SHAPE = (4, 3, 5, 6)
AXES: list[Any] = [None, 0, 1, -1, (0, 1), (1, 2), (0, 2), (1, 3), (0, 2, 3), (1, 2, 3), (0, 1, 2, 3)]


def _cases() -> list[Any]:
    made = []
    for word, axis in itertools.product(WORDS, AXES):
        whole = axis is None
        if (word.one_axis and not isinstance(axis, int)) or (word.options and whole):
            continue
        if word.name in ("log_softmax", "softmax") and whole:
            continue
        made.append(pytest.param(word, axis, id=f"{word}-{axis}"))
    return made


def _numbers(shape: tuple[int, ...] = SHAPE) -> NDArray[np.float32]:
    """Different ones, none near 0."""
    rng = np.random.default_rng(len(shape))
    x = rng.permutation(np.linspace(0.4, 1.6, math.prod(shape))).reshape(shape)
    return (x * rng.choice([-1, 1], shape)).astype(np.float32)


def _close(word: Word, got: Any, want: Any) -> None:
    assert got.shape == want.shape
    if word.exact:
        np.testing.assert_array_equal(got, np.asarray(want, np.float32))
    else:
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize(("word", "axis"), _cases())
def test_arrays(word: Word, axis: Any, isa: str) -> None:
    x = _numbers()
    for keepdims in (False, True) if word.keeps else (False,):
        _close(word, word(x, axis, keepdims), word.oracle(x.astype(float), axis, keepdims))


@pytest.mark.parametrize(("word", "axis"), _cases())
def test_values(word: Word, axis: Any) -> None:
    """Of which the first axis is the batch's."""
    x = _numbers()
    for keepdims in (False, True) if word.keeps else (False,):
        graph = Tracing()
        with graph.within():
            made = word(graph.value(graph.input(SHAPE[1:], "x")), axis, keepdims)
        network = new_network(graph, [made.number], workspace())
        _close(word, network.predict([x])[0], word.oracle(x.astype(float), axis, keepdims))


@pytest.mark.parametrize(("word", "axis"), [case for case in _cases() if case.values[0].smooth])
def test_gradients(word: Word, axis: Any, isa: str) -> None:
    x, step = _numbers(), 1e-6
    want = word.oracle(x.astype(float), axis, False)
    weights = np.random.default_rng(3).normal(size=want.shape).astype(np.float32)
    graph = Tracing()
    with graph.within():
        made = word(graph.value(graph.input(SHAPE[1:], "x")), axis, False)
    grads, _ = new_network(graph, [made.number], workspace()).vjp([x], [weights])
    moved, numerical = x.astype(float), np.zeros(x.shape)
    for at in np.ndindex(x.shape):
        sides = []
        for side in (step, -step):
            moved[at] = float(x[at]) + side
            sides.append((weights * word.oracle(moved, axis, False)).sum())
        moved[at] = float(x[at])
        numerical[at] = (sides[0] - sides[1]) / (2 * step)
    np.testing.assert_allclose(grads[0], numerical, rtol=2e-4, atol=2e-5)


# Around the sizes of pieces and parts: columns, rows and numbers of a row.
LONG = [
    (1023,),
    (4095,),
    (4096,),
    (4097,),
    (70_001,),
    (255, 3),
    (256, 1025),
    (513, 2),
    (5000, 7),
    (3, 1024),
    (2, 300, 1030),
]


@pytest.mark.parametrize("shape", LONG, ids=str)
def test_long_ones(shape: tuple[int, ...], isa: str, threads: Any) -> None:
    x = np.random.default_rng(1).normal(size=shape).astype(np.float32)
    for axis in [*range(len(shape)), None]:
        length = x.size if axis is None else shape[axis]
        bound = 2**-24 * (260 + length / 256) * np.abs(x).astype(float).sum(axis) / 16
        for name, oracle in (("sum", np.sum), ("max", np.max), ("min", np.min)):
            results = []
            for count in (1, 3):
                threads(count)
                results.append(getattr(ops, name)(x, axis=axis))
            np.testing.assert_array_equal(*results)
            error = np.abs(results[0] - oracle(x.astype(float), axis))
            assert (error <= (bound if name == "sum" else 0)).all()


def test_extremes_share_their_gradient(isa: str) -> None:
    graph = Tracing()
    with graph.within():
        made = ops.max(graph.value(graph.input((4,), "x")), axis=-1)
    network = new_network(graph, [made.number], workspace())
    x = np.array([[1, 5, 5, 2], [7, 7, 7, 7]], np.float32)
    grads, _ = network.vjp([x], [np.array([4, 8], np.float32)])
    np.testing.assert_array_equal(grads[0], [[0, 2, 2, 0], [2, 2, 2, 2]])


def test_product_of_zeros_has_gradients(isa: str) -> None:
    graph = Tracing()
    with graph.within():
        made = ops.prod(graph.value(graph.input((3,), "x")), axis=-1)
    network = new_network(graph, [made.number], workspace())
    x = np.array([[2, 0, 3], [0, 0, 5]], np.float32)
    grads, _ = network.vjp([x], [np.array([1, 1], np.float32)])
    np.testing.assert_array_equal(grads[0], [[0, 6, 0], [0, 0, 0]])


def test_vectors_of_length_0_have_finite_gradients(isa: str) -> None:
    graph = Tracing()
    with graph.within():
        made = ops.normalize(graph.value(graph.input((2,), "x")), epsilon=0.5)
    network = new_network(graph, [made.number], workspace())
    x = np.zeros((1, 2), np.float32)
    grads, _ = network.vjp([x], [np.array([[1, 3]], np.float32)])
    np.testing.assert_array_equal(network.predict([x])[0], x)
    np.testing.assert_allclose(grads[0], [[2, 6]], rtol=1e-6)


def test_not_a_number(isa: str) -> None:
    for length in (3, 40, 5000):
        x = np.ones((2, length), np.float32)
        x[1, length // 2] = math.nan
        for name in ("sum", "mean", "prod", "max", "min"):
            np.testing.assert_array_equal(np.isnan(getattr(ops, name)(x, axis=1)), [False, True], name)
        assert ops.argmax(x, axis=1).tolist() == [0, length // 2]


def test_no_gradient_passes() -> None:
    graph = Tracing()
    with graph.within():
        x = graph.value(graph.input((3,), "x"))
        made = x * ops.stop_gradient(x) + ops.argmax(x, axis=-1, keepdims=True)
    network = new_network(graph, [made.number], workspace())
    x_array = np.array([[1, 2, 3]], np.float32)
    np.testing.assert_array_equal(network.predict([x_array])[0], [[3, 6, 11]])
    grads, _ = network.vjp([x_array], [np.ones((1, 3), np.float32)])
    np.testing.assert_array_equal(grads[0], x_array)


def test_models_hold_them() -> None:
    x = _numbers((5, 6, 4, 3))
    source = Input((6, 4, 3))
    hidden = layers.Conv2D(20, 3, padding="same")(source)
    outputs = [ops.mean(hidden, axis=(1, 2)), ops.max(hidden, axis=-1, keepdims=True), ops.sum(hidden)]
    made = Model(source, outputs)
    features = Model(source, hidden).predict(x).astype(float)
    for got, want in zip(
        made.predict_on_batch(x),
        (features.mean((1, 2)), features.max(-1, keepdims=True), features.sum()),
        strict=True,
    ):
        np.testing.assert_allclose(got, want, rtol=1e-5, atol=1e-5)
    copy = Model.from_config(made.get_config())
    copy.set_weights(made.get_weights())
    for one, other in zip(copy.predict_on_batch(x), made.predict_on_batch(x), strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_loss_over_axes_trains_as_the_built_in_one() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=(64, 8)).astype(np.float32), rng.integers(0, 4, 64)
    one_hot = np.eye(4, dtype=np.float32)[y]
    model = Sequential([Input((8,)), layers.Dense(4)])
    begin, losses = model.get_weights(), []

    def entropy(y_true: Any, y_pred: Any) -> Any:
        return -ops.sum(y_true * ops.log_softmax(y_pred), axis=-1)

    for loss in (CategoricalCrossentropy(from_logits=True), entropy):
        model.set_weights(begin)
        model.compile("sgd", loss)
        losses.append(model.fit(x, one_hot, epochs=3, shuffle=False, verbose=0).history["loss"])
    np.testing.assert_allclose(losses[0], losses[1], rtol=1e-5)


@pytest.mark.parametrize("order", ["fro", 1, -1, math.inf, -math.inf, 2, -2, "nuc"])
def test_norms_of_matrices(order: Any) -> None:
    x = _numbers((3, 4, 5))
    for axis in ((1, 2), (2, 1), (0, 2)):
        want = np.linalg.norm(x.astype(float), order, axis)
        _close(WORDS[0], ops.norm(x, ord=order, axis=axis), want)
        _close(WORDS[0], ops.norm(x, ord=order, axis=axis, keepdims=True), np.expand_dims(want, axis))


def test_average_has_weights() -> None:
    x, weights = _numbers((3, 4)), np.abs(_numbers((3, 4)))
    _close(WORDS[0], ops.average(x, 1, weights), np.average(x.astype(float), 1, weights))
    _close(WORDS[0], ops.average(x, 0, weights[:, 0]), np.average(x.astype(float), 0, weights[:, 0]))


def test_errors_say_the_rule() -> None:
    with pytest.raises(ValueError, match=r"axis must be different ones of -2 to 1, of shape \(2, 3\); got 2"):
        ops.sum(np.ones((2, 3)), axis=2)
    with pytest.raises(ValueError, match=r"got \(0, -2\)"):
        ops.mean(np.ones((2, 3)), axis=(0, -2))
    with pytest.raises(ValueError, match="no norm along 2 axes"):
        ops.norm(np.ones((2, 3)), ord=3)


@pytest.mark.parametrize("word", ["argmax", "argmin", "nanargmax", "nanargmin"])
def test_a_single_number_is_at_place_0(word: str) -> None:
    assert getattr(ops, word)(np.float32(2.5)) == 0
