"""Constraints over any axes, by Keras's formulas, and penalties: of frozen weights they do not count."""

import itertools
from typing import Any

import numpy as np
import pytest
from support.models import same_bits
from support.nets import refusal, single

import cnnfast
from cnnfast import Input, Model, Sequential, constraints, layers, models, optimizers, regularizers


def _norms(w: np.ndarray, axes: tuple[int, ...]) -> np.ndarray:
    return np.sqrt((w.astype(np.float64) ** 2).sum(axes, keepdims=True))


def _constrained(w: np.ndarray, rule: Any) -> np.ndarray:
    """What one step that moves nothing makes of a kernel."""
    shape = w.shape
    layer: Any = {
        2: lambda: layers.Dense(shape[-1], kernel_constraint=rule, use_bias=False),
        3: lambda: layers.Conv1D(shape[-1], shape[0], kernel_constraint=rule, use_bias=False),
        4: lambda: layers.Conv2D(shape[-1], shape[:2], kernel_constraint=rule, use_bias=False),
        5: lambda: layers.Conv3D(shape[-1], shape[:3], kernel_constraint=rule, use_bias=False),
    }[w.ndim]()
    model = Sequential([Input(shape[:-1]), layer, layers.Flatten()])
    model.compile(optimizers.SGD(0.0), "mse")
    model.set_weights([w])
    model.train_on_batch(np.ones((1, *shape[:-1])), np.zeros((1, shape[-1])))
    # What the next step reads are the constrained weights, however they are packed.
    x = np.random.default_rng(2).normal(size=(3, *shape[:-1]))
    kept = model.get_weights()[0]
    expected = x.reshape(3, -1) @ kept.astype(np.float64).reshape(-1, shape[-1])
    loss = model.train_on_batch(x, np.zeros((3, shape[-1])))
    assert loss == pytest.approx((expected**2).mean(), rel=1e-4)
    return kept


SHAPES = [(5, 3), (64, 65), (7, 130), (3, 2, 4), (3, 3, 1, 1), (2, 3, 4, 5), (3, 3, 17, 70), (2, 2, 3, 2, 3)]


@pytest.mark.parametrize("shape", SHAPES)
def test_norms_over_any_axes(shape: tuple[int, ...], isa: str) -> None:
    rank = len(shape)
    w = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for count in range(1, rank + 1):
        for axes in itertools.combinations(range(rank), count):
            norms = _norms(w, axes)
            low, high = np.quantile(norms, [0.3, 0.6])
            expected = w * np.clip(norms, low, high) / (norms + 1e-7)
            got = _constrained(w, constraints.MinMaxNorm(low, high, axis=[a - rank for a in axes]))
            np.testing.assert_allclose(got, expected, rtol=1e-6, atol=0)


def test_the_default_is_the_first_axis() -> None:
    """Three by three of ones: each column along the height has a norm of the root of three."""
    ones = np.ones((3, 3, 1, 1), np.float32)
    for rule in (constraints.MaxNorm(1), constraints.MaxNorm(1, axis=0)):
        np.testing.assert_allclose(_constrained(ones, rule), 3**-0.5, rtol=1e-6)
    np.testing.assert_allclose(_constrained(ones, constraints.MaxNorm(1, (0, 1, 2))), 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(_constrained(ones, constraints.UnitNorm([0, 1])), 1 / 3, rtol=1e-6)
    np.testing.assert_allclose(_constrained(ones, constraints.UnitNorm(-1)), 1, rtol=1e-6)


def test_rate_goes_a_part_of_the_way() -> None:
    w = np.array([[3.0, 0.3], [4.0, 0.4]], np.float32)  # norms 5 and 0.5
    got = _constrained(w, constraints.MinMaxNorm(1, 2, rate=0.5))
    np.testing.assert_allclose(_norms(got, (0,)), [[3.5, 0.75]], rtol=1e-6)
    np.testing.assert_array_equal(_constrained(w, constraints.MinMaxNorm(1, 2, rate=0.0)), w)


def test_edges() -> None:
    zero = np.zeros((3, 2), np.float32)
    np.testing.assert_array_equal(_constrained(zero, constraints.UnitNorm()), zero)
    w = np.random.default_rng(0).normal(size=(9, 40)).astype(np.float32)
    np.testing.assert_array_equal(_constrained(w, constraints.NonNeg()), np.maximum(w, 0))
    within = (w / _norms(w, (0,))).astype(np.float32)
    np.testing.assert_array_equal(_constrained(within, constraints.MaxNorm(1.1)), within)


@pytest.mark.peers
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("shape", [(6, 4), (3, 3, 2, 5)])
def test_against_keras(shape: tuple[int, ...]) -> None:
    keras = pytest.importorskip(
        "keras", reason="compares constraints with Keras: pip install keras tensorflow-cpu"
    )
    w = np.random.default_rng(0).normal(size=shape).astype(np.float32)
    for name, arguments in (
        ("MaxNorm", (1.0,)),
        ("MaxNorm", (1.0, 1)),
        ("UnitNorm", ()),
        ("UnitNorm", ([0, 1],)),
        ("MinMaxNorm", (1.0, 1.5)),
        ("MinMaxNorm", (1.0, 1.5, 0.3, -1)),
        ("NonNeg", ()),
    ):
        expected = np.asarray(getattr(keras.constraints, name)(*arguments)(w))
        got = _constrained(w, getattr(constraints, name)(*arguments))
        np.testing.assert_allclose(got, expected, rtol=1e-6, atol=0, err_msg=f"{name}{arguments}")


def test_axes_survive_files_and_old_configurations_load(tmp_path: Any) -> None:
    rule = constraints.MaxNorm(2.0, np.array([0, 1, 2]))
    assert rule.get_config() == {"max_value": 2.0, "axis": (0, 1, 2)}
    assert constraints.get({"class_name": "MaxNorm", "config": {"max_value": 2.0}}).axis == 0
    assert constraints.get("unit_norm") == constraints.unit_norm()
    model = Sequential([Input((5, 5, 1)), layers.Conv2D(2, 3, kernel_constraint=rule)])
    model.save(tmp_path / "m.cnnfast")
    again = models.load_model(tmp_path / "m.cnnfast").layers[0].get_config()["kernel_constraint"]
    assert constraints.get(again) == rule


@pytest.mark.parametrize("axis", [5, -6, 1.5, None, "0", (), (0, 0), [0, 1.5]])
def test_wrong_axes_are_refused(axis: Any) -> None:
    for rule in (constraints.MaxNorm, constraints.UnitNorm, constraints.MinMaxNorm):
        with pytest.raises(ValueError, match="axis") as info:
            layers.Dense(2, kernel_constraint=rule(axis=axis)).build((None, 3))
        refusal(info.value, "axis")


def test_the_core_checks_its_rules() -> None:
    network = single((3,), lambda graph, src: graph.dense(src, 2, True, "head"))
    for arguments, word in (
        (("norm", 2.0, 1.0), "maximum"),
        (("norm", -1.0, 1.0), "minimum"),
        (("norm", 0.0, float("inf")), "maximum"),
        (("norm", 0.0, 1.0, float("nan")), "rate"),
        (("norm", 0.0, 1.0, 1.0, [2]), "head/kernel"),
        (("norm", 0.0, 1.0, 1.0, [-3]), "-3"),
        (("norm", 0.0, 1.0, 1.0, [0, -2]), "twice"),
        (("norm", 0.0, 1.0, 1.0, []), "none"),
    ):
        with pytest.raises(ValueError, match=word):
            network.weights[0].set_constraint(*arguments)
    for factors in ((float("inf"), 0.0), (0.0, float("nan")), (-1.0, 0.0)):
        with pytest.raises(ValueError, match="penalty"):
            network.weights[0].set_regularizer(*factors)


def test_penalties_of_frozen_weights_do_not_count() -> None:
    def model(trainable: bool) -> Sequential:
        rule = regularizers.L2(1.0)
        made = Sequential(
            [
                Input((3,)),
                layers.Dense(2, kernel_initializer="ones", kernel_regularizer=rule, trainable=trainable),
                layers.Dense(1, kernel_initializer="ones", kernel_regularizer=regularizers.L1(1.0)),
            ]
        )
        made.compile(optimizers.SGD(0.0), "mse")
        return made

    x, y = np.zeros((2, 3)), np.zeros((2, 1))
    for trainable, penalty in ((True, 8.0), (False, 2.0)):
        trained = model(trainable)
        assert trained.evaluate(x, y, verbose=0) == penalty
        assert trained.train_on_batch(x, y) == penalty
    # It follows the flag at once.
    trained = model(True)
    trained.layers[0].trainable = False
    assert trained.test_on_batch(x, y) == 2.0
    trained.layers[0].trainable = True
    assert trained.test_on_batch(x, y) == 8.0


def test_the_largest_penalties_leave_zero_weights_alone() -> None:
    largest = float(np.finfo(np.float32).max)
    x = Input((2,))
    model = Model(
        x, layers.Dense(1, kernel_initializer="zeros", kernel_regularizer=regularizers.L2(largest))(x)
    )
    model.compile("sgd", "mse")
    before = model.get_weights()
    assert model.train_on_batch(np.zeros((1, 2)), np.zeros((1, 1))) == 0
    assert same_bits(before, model.get_weights())


def test_set_random_weights_of_a_rule_are_as_of_threads() -> None:
    bits = set()
    before = cnnfast.get_num_threads()
    for threads in (1, 2, 5):
        cnnfast.set_num_threads(threads)
        w = np.random.default_rng(0).normal(size=(3, 3, 64, 130)).astype(np.float32)
        for axis in (0, -1, (0, 1, 2), (1, 3)):
            bits.add((axis, _constrained(w, constraints.UnitNorm(axis)).tobytes()))
    cnnfast.set_num_threads(before)
    assert len(bits) == 4
