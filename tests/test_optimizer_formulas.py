"""Optimizers, as formulas or traced, against Keras's formulas in float64, with what goes around them."""

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Sequential, layers, models, optimizers, set_random_seed
from cnnfast.optimizers import (
    SGD,
    Adadelta,
    Adafactor,
    Adagrad,
    Adam,
    Adamax,
    AdamW,
    Ftrl,
    Lamb,
    Lion,
    Muon,
    Nadam,
    RMSprop,
)
from cnnfast.optimizers.formula_optimizer import FormulaOptimizer

Array = np.ndarray
State = dict[str, Any]
# w, g, state (empty at first), step from 0 -> w
Rule = Callable[[Array, Array, State, int], Array]
RATE = 0.05


def _mean(state: State, name: str, decay: float, x: Array, begin: float = 0.0) -> Array:
    state[name] = decay * state.get(name, begin) + (1 - decay) * x
    return np.asarray(state[name])


def _adam(amsgrad: bool = False, b1: float = 0.9, b2: float = 0.999) -> Rule:
    def rule(w: Array, g: Array, state: State, t: int) -> Array:
        m, v = _mean(state, "m", b1, g), _mean(state, "v", b2, g * g)
        if amsgrad:
            v = state["largest"] = np.maximum(state.get("largest", 0.0), v)
        rate = RATE * math.sqrt(1 - b2 ** (t + 1)) / (1 - b1 ** (t + 1))
        return w - rate * m / (np.sqrt(v) + 1e-7)

    return rule


def _sgd(momentum: float, nesterov: bool = False) -> Rule:
    def rule(w: Array, g: Array, state: State, t: int) -> Array:
        v = state["v"] = momentum * state.get("v", 0.0) - RATE * g
        return w + (momentum * v - RATE * g if nesterov else v)

    return rule


def _rmsprop(momentum: float = 0.0, centered: bool = False) -> Rule:
    def rule(w: Array, g: Array, state: State, t: int) -> Array:
        spread = _mean(state, "v", 0.9, g * g)
        if centered:
            spread = spread - _mean(state, "mean", 0.9, g) ** 2
        change = RATE * g / np.sqrt(spread + 1e-3)
        state["s"] = momentum * state.get("s", 0.0) + change
        return w - state["s"]

    return rule


def _adagrad(w: Array, g: Array, state: State, t: int) -> Array:
    state["a"] = state.get("a", 0.1) + g * g
    return w - RATE * g / np.sqrt(state["a"] + 1e-7)


def _adadelta(w: Array, g: Array, state: State, t: int) -> Array:
    a, b = _mean(state, "a", 0.95, g * g), state.get("b", 0.0)
    d = -np.sqrt(b + 1e-3) / np.sqrt(a + 1e-3) * g
    _mean(state, "b", 0.95, d * d)
    return w + RATE * d


def _adamax(w: Array, g: Array, state: State, t: int) -> Array:
    m = _mean(state, "m", 0.9, g)
    state["u"] = np.maximum(0.999 * state.get("u", 0.0), np.abs(g))
    return w - RATE / (1 - 0.9 ** (t + 1)) * m / (state["u"] + 1e-7)


def _nadam(w: Array, g: Array, state: State, t: int) -> Array:
    now, then = (0.9 * (1 - 0.5 * 0.96 ** (t + later)) for later in (1, 2))
    p = state["p"] = state.get("p", 1.0) * now
    m, v = _mean(state, "m", 0.9, g), _mean(state, "v", 0.999, g * g)
    mean = then * m / (1 - p * then) + (1 - now) * g / (1 - p)
    return w - RATE * mean / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-7)


def _lion(w: Array, g: Array, state: State, t: int) -> Array:
    m = state.get("m", np.zeros_like(w))
    state["m"] = 0.99 * m + 0.01 * g
    return w - RATE * np.sign(0.9 * m + 0.1 * g)


def _ftrl(w: Array, g: Array, state: State, t: int) -> Array:
    a, z = state.get("a", 0.1), state.get("z", 0.0)
    n = a + g * g
    z = z + g + 2 * 0.02 * w - (np.sqrt(n) - np.sqrt(a)) / RATE * w
    state["a"], state["z"] = n, z
    return (np.clip(z, -0.01, 0.01) - z) / (np.sqrt(n) / RATE + 2 * (0.03 + 0.1 / (2 * RATE)))


def _lamb(w: Array, g: Array, state: State, t: int) -> Array:
    m, v = _mean(state, "m", 0.9, g), _mean(state, "v", 0.999, g * g)
    u = m / (1 - 0.9 ** (t + 1)) / (np.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-7)
    known = np.linalg.norm(w) > 0
    return w - RATE * (np.linalg.norm(w) / np.linalg.norm(u) if known else 1.0) * u


def _adafactor(w: Array, g: Array, state: State, t: int) -> Array:
    def rms(x: Array) -> float:
        return float(np.sqrt((x * x).mean()))

    step, s = t + 1, g * g + 1e-30
    decay = 1 - step**-0.8
    if w.ndim < 2:
        v = _mean(state, "v", decay, s)
    else:
        r, c = _mean(state, "r", decay, s.mean(-1)), _mean(state, "c", decay, s.mean(-2))
        v = (r / r.mean())[:, None] * c[None]
    u = g / np.sqrt(v)
    u /= max(1.0, rms(u) / 0.8)
    return w - max(1e-3, rms(w)) * min(RATE, 1 / math.sqrt(step)) * u


def _muon(nesterov: bool, rms_rate: float | None) -> Rule:
    def rule(w: Array, g: Array, state: State, t: int) -> Array:
        if w.ndim != 2:
            return _decayed(_adam(), 0.004)(w, g, state, t)
        m = state["m"] = 0.95 * state.get("m", 0.0) + g
        x = (g + 0.95 * m if nesterov else m).T
        x = x / (np.linalg.norm(x) + 1e-7)
        for _ in range(3):
            s = x.T @ x
            x = 3.4445 * x + x @ (-4.775 * s + 2.0315 * s @ s)
        size = 1.0 if rms_rate is None else rms_rate * math.sqrt(max(w.shape))
        return w * (1 - RATE * 0.1) - RATE * size * x.T

    return rule


def _decayed(rule: Rule, decay: float) -> Rule:
    return lambda w, g, state, t: rule(w * (1 - RATE * decay), g, state, t)


def _averaged(rule: Rule, momentum: float, every: int) -> Rule:
    def wrapped(w: Array, g: Array, state: State, t: int) -> Array:
        w = rule(w, g, state, t)
        share = momentum if t else 0.0
        state["average"] = share * state.get("average", 0.0) + (1 - share) * w
        return np.asarray(state["average"]) if (t + 1) % every == 0 else w

    return wrapped


def _accumulated(rule: Rule, count: int) -> Rule:
    def wrapped(w: Array, g: Array, state: State, t: int) -> Array:
        state["total"] = state.get("total", 0.0) + g
        if (t + 1) % count:
            return w
        mean, state["total"] = state["total"] / count, 0.0
        return rule(w, mean, state, t // count)

    return wrapped


CASES: list[tuple[Any, Rule]] = [
    (lambda: RMSprop(RATE, epsilon=1e-3), _rmsprop()),
    (lambda: RMSprop(RATE, momentum=0.5, epsilon=1e-3), _rmsprop(0.5)),
    (lambda: RMSprop(RATE, epsilon=1e-3, centered=True), _rmsprop(0.0, True)),
    (lambda: RMSprop(RATE, momentum=0.5, epsilon=1e-3, centered=True), _rmsprop(0.5, True)),
    (lambda: Adagrad(RATE), _adagrad),
    (lambda: Adadelta(RATE, epsilon=1e-3), _adadelta),
    (lambda: Adamax(RATE), _adamax),
    (lambda: Nadam(RATE), _nadam),
    (lambda: Lion(RATE), _lion),
    (
        lambda: Ftrl(
            RATE,
            l1_regularization_strength=0.01,
            l2_regularization_strength=0.03,
            l2_shrinkage_regularization_strength=0.02,
            beta=0.1,
        ),
        _ftrl,
    ),
    (lambda: Adam(RATE, amsgrad=True), _adam(True)),
    (lambda: AdamW(RATE), _decayed(_adam(), 0.004)),
    (lambda: Adam(RATE, weight_decay=0.1), _decayed(_adam(), 0.1)),
    (lambda: SGD(RATE, 0.9, nesterov=True, weight_decay=0.2), _decayed(_sgd(0.9, True), 0.2)),
    (lambda: SGD(RATE, weight_decay=0.2), _decayed(_sgd(0.0), 0.2)),
    (
        lambda: SGD(RATE, 0.5, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=3),
        _averaged(_sgd(0.5), 0.7, 3),
    ),
    (lambda: Adam(RATE, gradient_accumulation_steps=3), _accumulated(_adam(), 3)),
    (
        lambda: AdamW(RATE, gradient_accumulation_steps=2, use_ema=True, ema_overwrite_frequency=2),
        _accumulated(_averaged(_decayed(_adam(), 0.004), 0.99, 2), 2),
    ),
    (lambda: Lamb(RATE), _lamb),
    (
        lambda: Lamb(RATE, weight_decay=0.1, gradient_accumulation_steps=2, use_ema=True),
        _accumulated(_decayed(_lamb, 0.1), 2),
    ),
    (
        lambda: Lamb(RATE, use_ema=True, ema_momentum=0.7, ema_overwrite_frequency=3),
        _averaged(_lamb, 0.7, 3),
    ),
    (lambda: Adafactor(RATE, clip_threshold=0.8), _adafactor),
    (lambda: Muon(RATE, weight_decay=0.1, ns_steps=3), _muon(True, 0.2)),
    (lambda: Muon(RATE, weight_decay=0.1, ns_steps=3, nesterov=False, rms_rate=None), _muon(False, None)),
]
IDS = [repr(make()) for make, _ in CASES]


def _model(units: int = 19) -> Any:
    set_random_seed(0)
    return Sequential([Input((7,)), layers.Dense(units)])


def _data() -> tuple[Array, Array]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(8, 7)).astype(np.float32), rng.normal(size=(8, 19)).astype(np.float32)


def _expected(weights: list[Array], rule: Rule, steps: int) -> list[Array]:
    x, y = (each.astype(float) for each in _data())
    kernel, bias = (each.astype(float) for each in weights)
    states: list[State] = [{}, {}]
    for t in range(steps):
        error = 2 * (x @ kernel + bias - y) / y.size
        grads = x.T @ error, error.sum(0)
        kernel, bias = (
            rule(w, g, state, t) for w, g, state in zip((kernel, bias), grads, states, strict=True)
        )
    return [kernel, bias]


@pytest.mark.parametrize(("make", "rule"), CASES, ids=IDS)
def test_seven_steps(make: Any, rule: Rule, isa: str) -> None:
    model, (x, y) = _model(), _data()
    begin = model.get_weights()
    model.compile(make(), "mse")
    for _ in range(7):
        model.train_on_batch(x, y)
    for got, want in zip(model.get_weights(), _expected(begin, rule, 7), strict=True):
        # Where a gradient is nearly 0, steps of one size are nearly undecided.
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-4)


@pytest.mark.parametrize(("make", "rule"), CASES, ids=IDS)
def test_state_is_saved_and_goes_on(make: Any, rule: Rule, tmp_path: Any) -> None:
    model, (x, y) = _model(), _data()
    model.compile(make(), "mse")
    for _ in range(3):
        model.train_on_batch(x, y)
    model.save(tmp_path / "m.cnnfast")
    copy = models.load_model(tmp_path / "m.cnnfast")
    assert copy.optimizer.get_config() == model.optimizer.get_config()
    for each in (model, copy):
        for _ in range(3):
            each.train_on_batch(x, y)
    for one, other in zip(model.get_weights(), copy.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize(("make", "rule"), CASES, ids=IDS)
def test_configurations(make: Any, rule: Rule) -> None:
    made = make()
    same = optimizers.get({"class_name": type(made).__name__, "config": made.get_config()})
    assert same.get_config() == made.get_config()
    assert type(optimizers.get(type(made).__name__.lower())) is type(made)


def test_threads_and_convolutions(threads: Any) -> None:
    """A kernel's pieces are moved where they are packed; bits do not depend on threads."""
    rng = np.random.default_rng(1)
    x, y = rng.normal(size=(32, 9, 9, 3)).astype(np.float32), rng.integers(0, 4, 32)
    found, begin = [], None
    for count in (1, 3):
        threads(count)
        model = Sequential([Input((9, 9, 3)), layers.Conv2D(20, 3, activation="relu"), layers.Conv2D(33, 3)])
        for layer in (layers.GlobalAveragePooling2D(), layers.Dense(4, activation="softmax")):
            model.add(layer)
        begin = begin or model.get_weights()
        model.set_weights(begin)
        model.compile(Nadam(0.01), "sparse_categorical_crossentropy")
        model.fit(x, y, epochs=2, batch_size=16, shuffle=False, verbose=0)
        found.append(model.get_weights())
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_some_weights_do_not_decay() -> None:
    model, (x, y) = _model(), _data()
    begin = model.get_weights()
    optimizer = SGD(RATE, weight_decay=0.5)
    optimizer.exclude_from_weight_decay(var_names=["bias"])
    model.compile(optimizer, "mse")
    model.train_on_batch(x, y)
    decayed, plain = (_expected(begin, _decayed(_sgd(0.0), decay), 1) for decay in (0.5, 0.0))
    np.testing.assert_allclose(model.get_weights()[0], decayed[0], atol=1e-6)
    np.testing.assert_allclose(model.get_weights()[1], plain[1], atol=1e-6)


def test_averages_become_the_weights_when_fit_ends() -> None:
    model, (x, y) = _model(), _data()
    begin = model.get_weights()
    model.compile(SGD(RATE, use_ema=True, ema_momentum=0.5), "mse")
    model.fit(x, y, epochs=3, batch_size=8, shuffle=False, verbose=0)
    averages = _expected(begin, _sgd(0.0), 1)
    for steps in (2, 3):
        weights = _expected(begin, _sgd(0.0), steps)
        averages = [0.5 * a + 0.5 * w for a, w in zip(averages, weights, strict=True)]
    for got, average in zip(model.get_weights(), averages, strict=True):
        np.testing.assert_allclose(got, average, atol=1e-6)


def test_the_rate_counts_updates() -> None:
    model, (x, y) = _model(), _data()
    model.compile(SGD(lambda update: 0.1 / (1 + update), gradient_accumulation_steps=2), "mse")
    rates = []
    for _ in range(5):
        model.train_on_batch(x, y)
        rates.append(model.optimizer.learning_rate)
    assert model.optimizer.iterations == 2
    np.testing.assert_allclose(rates, [0.1, 0.05, 0.05, 0.1 / 3, 0.1 / 3])


def test_a_slot_may_become_the_weight_before_the_step() -> None:
    """Weight and slots are written where they are read."""

    class Remembering(FormulaOptimizer):
        def _own_begins(self) -> list[float]:
            return [0.0, 0.0]

        def _moved(self, weight: Any, gradient: Any, slots: Any, rate: Any, step: Any) -> Any:
            return weight - rate * gradient, [weight, slots[0]]

    model, (x, y) = _model(700), _data()
    model.compile(Remembering(0.1), "mse")
    seen = []
    for _ in range(3):
        seen.append(model.get_weights())
        model.train_on_batch(x, np.tile(y, 37)[:, :700])
    for got, want in zip(model.network.last_slots(), seen[1], strict=True):
        np.testing.assert_array_equal(got, want)


def test_refusals() -> None:
    with pytest.raises(ValueError, match="clipping would act on each"):
        Adam(clipnorm=1.0, gradient_accumulation_steps=2)
    with pytest.raises(ValueError, match="gradient_accumulation_steps"):
        Adam(gradient_accumulation_steps=1)
    with pytest.raises(ValueError, match="loss_scale_factor"):
        Adam(loss_scale_factor=0.0)

    class Own(FormulaOptimizer):
        def _moved(self, weight: Any, gradient: Any, slots: Any, rate: Any, step: Any) -> Any:
            from cnnfast import ops

            return weight - rate * gradient / ops.norm(gradient), []

    with pytest.raises(ValueError, match="treats each number alone"):
        _model().compile(Own(0.1), "mse")
