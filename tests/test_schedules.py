"""Schedules of the learning rate, by their formulas."""

import math

import numpy as np
import pytest

from cnnfast import Input, Sequential, callbacks, layers, models, optimizers, schedules

STEPS = (0, 1, 4, 5, 6, 9, 10, 11, 15, 20, 29, 30, 31, 70, 1000)


def _cosine(step: float, length: float) -> float:
    return 0.5 * (1 + math.cos(math.pi * min(step / length, 1)))


def _restarts(step: int, first: float, t: float, m: float) -> float:
    begin, length, height = 0.0, first, 1.0
    while step >= begin + length:
        begin, length, height = begin + length, length * t, height * m
    return height * _cosine(step - begin, length)


CASES = {
    "exponential": (schedules.ExponentialDecay(0.5, 10, 0.25), lambda s: 0.5 * 0.25 ** (s / 10)),
    "stairs": (schedules.ExponentialDecay(0.5, 10, 0.25, staircase=True), lambda s: 0.5 * 0.25 ** (s // 10)),
    "inverse": (schedules.InverseTimeDecay(0.5, 10, 0.3), lambda s: 0.5 / (1 + 0.3 * s / 10)),
    "inverse stairs": (schedules.InverseTimeDecay(0.5, 10, 0.3, True), lambda s: 0.5 / (1 + 0.3 * (s // 10))),
    "pieces": (
        schedules.PiecewiseConstantDecay([5, 30], [1.0, 0.1, 0.01]),
        lambda s: 1.0 if s <= 5 else 0.1 if s <= 30 else 0.01,
    ),
    "line": (schedules.PolynomialDecay(1.0, 30, 0.2), lambda s: 0.8 * (1 - min(s, 30) / 30) + 0.2),
    "square": (
        schedules.PolynomialDecay(1.0, 30, 0.2, 2.0),
        lambda s: 0.8 * (1 - min(s, 30) / 30) ** 2 + 0.2,
    ),
    "cycle": (
        schedules.PolynomialDecay(1.0, 10, 0.2, cycle=True),
        lambda s: 0.8 * (1 - s / (10 * max(1, math.ceil(s / 10)))) + 0.2,
    ),
    "cosine": (schedules.CosineDecay(2.0, 30, 0.1), lambda s: 2 * (0.9 * _cosine(s, 30) + 0.1)),
    "warm-up": (
        schedules.CosineDecay(0.5, 20, 0.1, warmup_target=2.0, warmup_steps=10),
        lambda s: 0.5 + 1.5 * s / 10 if s < 10 else 2 * (0.9 * _cosine(s - 10, 20) + 0.1),
    ),
    "restarts": (
        schedules.CosineDecayRestarts(2.0, 10, 2.0, 0.5, 0.1),
        lambda s: 2 * (0.9 * _restarts(s, 10, 2, 0.5) + 0.1),
    ),
    "even restarts": (
        schedules.CosineDecayRestarts(1.0, 10, 1.0, 0.9),
        lambda s: _restarts(s, 10, 1, 0.9),
    ),
}


@pytest.mark.parametrize("name", CASES)
def test_schedules(name: str) -> None:
    schedule, formula = CASES[name]
    for step in STEPS:
        for form in (int, float, np.int64):
            assert schedule(form(step)) == pytest.approx(formula(step), rel=1e-12, abs=1e-15), (step, form)
    assert type(schedule).from_config(schedule.get_config()) == schedule


@pytest.mark.parametrize("strategy", ["cos", "linear"])
@pytest.mark.parametrize("three_phase", [False, True])
def test_one_cycle(strategy: str, three_phase: bool) -> None:
    rate = schedules.OneCycle(2.0, 40, 0.25, strategy, 10.0, 100.0, three_phase)
    first, last, top = 0.2, 0.002, 9  # steps 0 to 9 rise, as PyTorch counts them
    assert rate(0) == pytest.approx(first)
    assert rate(top) == pytest.approx(2.0)
    assert rate(39) == rate(500) == pytest.approx(last)
    half = 0.5 * (1 + math.cos(math.pi * 3 / 9)) if strategy == "cos" else 1 - 3 / 9
    assert rate(3) == pytest.approx(2 + (first - 2) * half)
    if three_phase:
        assert rate(2 * top) == pytest.approx(first)
        assert rate(top + 3) == pytest.approx(first + (2 - first) * half)
    else:
        assert rate(19) == pytest.approx(
            last + (2 - last) * ((1 + math.cos(math.pi / 3)) / 2 if strategy == "cos" else 2 / 3)
        )


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: schedules.ExponentialDecay(0.1, 0, 0.5), "decay_steps must be above 0, got 0"),
        (lambda: schedules.ExponentialDecay("x", 1, 0.5), "initial_learning_rate must be a number"),
        (lambda: schedules.PiecewiseConstantDecay([1, 2], [1.0, 2.0]), "2 boundaries and 2 values"),
        (lambda: schedules.PiecewiseConstantDecay([2, 2], [1.0, 2.0, 3.0]), "boundaries must grow"),
        (lambda: schedules.CosineDecayRestarts(1.0, 10, 0.5), "t_mul must be at least 1"),
        (lambda: schedules.OneCycle(1.0, 10, 1.5), r"pct_start must be in \[0, 1\]"),
        (lambda: schedules.OneCycle(1.0, 10, anneal_strategy="x"), "anneal_strategy must be one of"),
    ],
)
def test_refusals(make, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


# -- in training -------------------------------------------------------------------------------------------


class _Rates(callbacks.Callback):
    def __init__(self) -> None:
        self.seen: list[float] = []

    def on_train_batch_begin(self, batch, logs=None) -> None:
        self.seen.append(self.model.optimizer.learning_rate)


def _model(rate) -> Sequential:
    model = Sequential([Input((3,)), layers.Dense(1, use_bias=False, kernel_initializer="ones")])
    model.compile(optimizers.SGD(rate), "mse")
    return model


def test_every_update_has_its_rate() -> None:
    x, y = np.ones((1, 3), np.float32), np.zeros((1, 1), np.float32)
    schedule = schedules.PiecewiseConstantDecay([0, 2], [0.1, 0.01, 0.0])
    model, kernel = _model(schedule), np.ones(3)
    rates = _Rates()
    model.fit(x.repeat(2, 0), y.repeat(2, 0), batch_size=1, epochs=2, verbose=0, callbacks=[rates])
    assert rates.seen == [0.1, 0.01, 0.01, 0.0]
    for rate in rates.seen:
        kernel = kernel - rate * 2 * kernel.sum() * np.ones(3)
    np.testing.assert_allclose(model.get_weights()[0].ravel(), kernel, rtol=1e-6)
    before = model.get_weights()[0]
    model.train_on_batch(x, y)
    np.testing.assert_array_equal(model.get_weights()[0], before)  # the last rate is 0
    assert model.optimizer.iterations == 5


def test_functions_are_schedules_and_numbers_replace_them() -> None:
    x, y = np.ones((1, 3), np.float32), np.zeros((1, 1), np.float32)
    model = _model(lambda step: 0.5**step)
    model.train_on_batch(x, y)
    assert model.optimizer.learning_rate == 0.5
    model.optimizer.learning_rate = 0.25
    model.train_on_batch(x, y)
    assert model.optimizer.learning_rate == 0.25


def test_schedules_are_saved_with_the_model(tmp_path) -> None:
    x, y = np.ones((1, 3), np.float32), np.zeros((1, 1), np.float32)
    model = _model(schedules.CosineDecay(0.1, 10))
    model.train_on_batch(x, y)
    model.save(tmp_path / "net")
    again = models.load_model(tmp_path / "net")
    assert again.optimizer.learning_rate == model.optimizer.learning_rate < 0.1
    for each in (model, again):
        each.train_on_batch(x, y)
    np.testing.assert_array_equal(again.get_weights()[0], model.get_weights()[0])


@pytest.mark.parametrize("value", [None, "fast", -1.0, float("nan"), 1e300])
def test_a_schedule_must_make_a_rate(value: object) -> None:
    with pytest.raises(ValueError, match=r"learning_rate, as the schedule has it, must be"):
        optimizers.SGD(lambda step: value)  # type: ignore[arg-type,return-value]
