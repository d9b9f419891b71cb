"""Optimizers of one's own as Keras documents them, traced into the step; and factors of the learning rate."""

from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Sequential, constraints, layers, models, ops, optimizers, regularizers
from cnnfast.layers.variable import Variable

RATE = 0.1


class Momentum(optimizers.Optimizer):
    """With Keras's words: what it kept is read again after it was assigned."""

    def __init__(self, learning_rate: Any = RATE, momentum: float = 0.9, **options: Any) -> None:
        super().__init__(learning_rate=learning_rate, **options)
        self.momentum = momentum

    def build(self, variables: Any) -> None:
        if self.built:
            return
        super().build(variables)
        self.momentums = [self.add_variable_from_reference(v, name="momentum") for v in variables]

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        rate = ops.cast(learning_rate, variable.dtype)
        m = self.momentums[self._get_variable_index(variable)]
        self.assign(m, ops.subtract(ops.multiply(m, self.momentum), ops.multiply(gradient, rate)))
        self.assign_add(variable, m)

    def get_config(self) -> dict[str, Any]:
        return {**super().get_config(), "momentum": self.momentum}


class Normed(optimizers.Optimizer):
    """Needs the whole weight, and the step."""

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        step = ops.cast(self.iterations + 1, "float32")
        self.assign_sub(variable, learning_rate * gradient / (ops.norm(gradient) * ops.sqrt(step)))


def _model() -> Any:
    cnnfast.set_random_seed(0)
    model = Sequential([Input((9, 9, 3)), layers.Conv2D(20, 3, activation="relu", name="conv")])
    model.add(layers.Flatten())
    model.add(layers.Dense(4, name="head"))
    return model


def _data() -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(0)
    return rng.normal(size=(16, 9, 9, 3)).astype(np.float32), rng.normal(size=(16, 4)).astype(np.float32)


def _trained(optimizer: Any, steps: int = 4, model: Any = None) -> list[np.ndarray]:
    model = model or _model()
    model.compile(optimizer, "mse")
    x, y = _data()
    for _ in range(steps):
        model.train_on_batch(x, y)
    return model.get_weights()


def _assert_close(got: list[np.ndarray], want: list[np.ndarray], atol: float = 1e-6) -> None:
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=atol)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"clipnorm": 0.05},
        {"clipvalue": 0.01},
        {"global_clipnorm": 0.05},
        {"weight_decay": 0.2},
        {"gradient_accumulation_steps": 2},
        {"use_ema": True, "ema_overwrite_frequency": 2, "ema_momentum": 0.6},
    ],
    ids=str,
)
def test_as_the_built_in_one(options: Any, isa: str) -> None:
    _assert_close(_trained(Momentum(**options)), _trained(optimizers.SGD(RATE, 0.9, **options)))


def test_penalties_and_constraints() -> None:
    def model() -> Any:
        cnnfast.set_random_seed(0)
        made = Sequential([Input((9, 9, 3))])
        made.add(layers.Conv2D(5, 3, kernel_regularizer="l2", kernel_constraint=constraints.NonNeg()))
        made.add(layers.Flatten())
        made.add(layers.Dense(4, kernel_regularizer=regularizers.get(lambda w: 0.1 * ops.sum(w**4))))
        made.layers[-1].kernel.constraint = None
        return made

    got, want = _trained(Momentum(), model=model()), _trained(optimizers.SGD(RATE, 0.9), model=model())
    _assert_close(got, want)
    assert got[0].min() == 0


def test_whole_weights_and_the_step() -> None:
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile(Normed(RATE), "mse")
    x, y = np.ones((4, 3)), np.zeros((4, 2))
    kernel, bias = (each.astype(float) for each in model.get_weights())
    for step in range(1, 4):
        model.train_on_batch(x, y)
        error = 2 * (x @ kernel + bias - y) / y.size
        for weight, gradient in ((kernel, x.T @ error), (bias, error.sum(0))):
            weight -= RATE * gradient / np.linalg.norm(gradient) / np.sqrt(step)
    _assert_close(model.get_weights(), [kernel, bias])
    assert model.optimizer.iterations == 3


@pytest.mark.parametrize("make", [Momentum, Normed, optimizers.Lamb, optimizers.Adafactor, optimizers.Muon])
def test_same_bits_on_any_number_of_threads(make: Any, threads: Any) -> None:
    found = []
    for count in (1, 3):
        threads(count)
        found.append(_trained(make(learning_rate=0.01)))
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_frozen_weights() -> None:
    model = _model()
    model.get_layer("conv").trainable = False
    before = model.get_weights()
    after = _trained(Momentum(weight_decay=0.1), model=model)
    assert [np.array_equal(a, b) for a, b in zip(before, after, strict=True)] == [True, True, False, False]
    model.get_layer("conv").trainable = True
    with pytest.raises(ValueError, match="compile the model again"):
        model.train_on_batch(*_data())
    assert all(np.array_equal(a, b) for a, b in zip(after, model.get_weights(), strict=True))
    model.compile(Momentum(), "mse")
    model.train_on_batch(*_data())
    model.get_layer("head").trainable = False
    model.get_layer("conv").trainable = False
    before = model.get_weights()
    model.train_on_batch(*_data())
    assert all(np.array_equal(a, b) for a, b in zip(before, model.get_weights(), strict=True))


def test_schedules_and_rates() -> None:
    decays = optimizers.schedules.ExponentialDecay(0.2, 2, 0.5)
    _assert_close(_trained(Momentum(decays)), _trained(optimizers.SGD(decays, 0.9)))
    model = _model()
    _trained(Momentum(0.0), model=model)
    before = model.get_weights()[0]
    model.optimizer.learning_rate = 0.1  # at once
    model.train_on_batch(*_data())
    assert not np.array_equal(model.get_weights()[0], before)


def test_shapes_share_what_is_kept() -> None:
    """Batches of other shapes go on with the same momentum; compiling again begins anew."""
    x = np.random.default_rng(0).normal(size=(4, 8, 8, 2)).astype(np.float32)

    def run(optimizer: Any) -> list[np.ndarray]:
        cnnfast.set_random_seed(1)
        model = Sequential([Input((None, None, 2)), layers.Conv2D(3, 3), layers.GlobalAveragePooling2D()])
        for _ in range(2):
            model.compile(optimizer, "mse")
            for size in (8, 6, 8, 6):
                model.train_on_batch(x[:, :size, :size], np.ones((4, 3)))
        return model.get_weights()

    _assert_close(run(Momentum()), run(optimizers.SGD(RATE, 0.9)))


def test_subclass_of_a_built_in_one() -> None:
    class Halved(optimizers.SGD):
        def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
            super().update_step(gradient, variable, learning_rate * 0.5)

    _assert_close(_trained(Halved(RATE, 0.9)), _trained(optimizers.SGD(RATE / 2, 0.9)))


@pytest.mark.parametrize(
    "make",
    [
        lambda: optimizers.SGD(RATE, 0.9),
        lambda: optimizers.Adam(0.01),
        lambda: optimizers.RMSprop(0.01, weight_decay=0.1),
        Momentum,
    ],
    ids=["sgd", "adam", "formula", "own"],
)
def test_on_arrays_as_compiled(make: Any) -> None:
    """`apply_gradients` runs the same code at once."""
    rng, start = np.random.default_rng(0), [np.ones((3, 2)), np.ones(2)]
    variables = [Variable.named(f"w{i}", each.shape) for i, each in enumerate(start)]
    for variable, value in zip(variables, start, strict=True):
        variable.assign(value)
    model = Sequential([Input((3,)), layers.Dense(2)])
    model.compile(make(), "mse")
    model.set_weights(start)
    eager = make()
    for _ in range(4):
        x, y = rng.normal(size=(6, 3)), rng.normal(size=(6, 2))
        kernel, bias = (each.numpy().astype(float) for each in variables)
        error = 2 * (x @ kernel + bias - y) / y.size
        eager.apply_gradients(zip([x.T @ error, error.sum(0)], variables, strict=True))
        model.train_on_batch(x, y)
    _assert_close([each.numpy() for each in variables], model.get_weights(), 1e-5)
    assert eager.iterations == model.optimizer.iterations == 4


def test_the_words_of_variables() -> None:
    optimizer, weight = Momentum(0.5), Variable.named("layer/weight", ())
    weight.assign(2.5)
    assert (float(weight), int(weight), float(weight.value), weight.path) == (2.5, 2, 2.5, "layer/weight")
    optimizer.learning_rate.assign(0.25)
    assert (optimizer.learning_rate.value, float(optimizer.learning_rate.numpy())) == (0.25, 0.25)
    other = Momentum()
    with pytest.raises(ValueError, match="call build"):
        other.set_weights(optimizer.variables)
    for each in (optimizer, other):
        each.build([weight])
    optimizer.apply([1.0])
    other.set_weights(optimizer.variables)
    assert [float(each) for each in other.variables] == [float(each) for each in optimizer.variables]


def test_arrays_refused() -> None:
    optimizer, known = Momentum(), Variable.named("known", (2,))
    with pytest.raises(ValueError, match="give the weights, too"):
        optimizer.apply([np.ones(2)])
    with pytest.raises(ValueError, match="no weight has a gradient"):
        optimizer.apply_gradients([(None, known)])
    with pytest.raises(ValueError, match="there are 1 weights, got 2 gradients"):
        optimizer.apply([np.ones(2)] * 2, [known])
    with pytest.raises(ValueError, match="is not among the weights"):
        optimizer.apply([np.ones(2)], [Variable.named("new", (2,))])
    with pytest.raises(NotImplementedError, match="update_step"):
        optimizers.Optimizer(0.1).apply([np.ones(2)], [known])


@pytest.mark.parametrize(
    "make",
    [
        lambda: optimizers.SGD(RATE),
        lambda: optimizers.SGD(RATE, 0.5),
        lambda: optimizers.Adam(RATE),
        lambda: optimizers.Nadam(RATE),
        lambda: optimizers.SGD(RATE, weight_decay=0.5),
        lambda: Momentum(RATE),
    ],
    ids=["sgd", "momentum", "adam", "nadam", "decay", "own"],
)
def test_factors_of_the_learning_rate(make: Any, isa: str) -> None:
    """One weight moves by another rate, the others as they would have."""
    model, slow = _model(), make()
    kernel, bias = model.get_layer("head").weights
    kernel.learning_rate_factor, bias.learning_rate_factor = 0.25, 0.0
    if isinstance(slow, optimizers.SGD) and slow.weight_decay:
        slow.exclude_from_weight_decay(var_names=["bias"])
    begin = model.get_weights()
    got = _trained(slow, 1, model)
    whole, quarter = make(), make()
    quarter.learning_rate = RATE / 4
    want = [*_trained(whole, 1)[:2], _trained(quarter, 1)[2], begin[3]]
    if whole.weight_decay:
        plain = make()
        plain.exclude_from_weight_decay(var_names=["bias"])
        want[1] = _trained(plain, 1)[1]
    for each, other in zip(got, want, strict=True):
        np.testing.assert_allclose(each, other, rtol=0, atol=1e-6)
    kernel.learning_rate_factor = 1.0  # takes effect at once
    before = kernel.numpy()
    model.train_on_batch(*_data())
    assert not np.array_equal(kernel.numpy(), before)
    with pytest.raises(ValueError, match="a factor of the learning rate"):
        kernel.learning_rate_factor = -1.0


def test_factor_of_a_layer(tmp_path: Any) -> None:
    def model(**options: Any) -> Any:
        cnnfast.set_random_seed(0)
        return Sequential([Input((4,)), layers.Dense(3, **options, name="first"), layers.Dense(2)])

    def trained(model: Any) -> list[np.ndarray]:
        model.compile(optimizers.SGD(RATE), "mse")
        model.train_on_batch(np.ones((5, 4)), np.ones((5, 2)))
        return model.get_weights()  # type: ignore[no-any-return]

    slow = model(learning_rate_factor=0.5)
    slow.save(tmp_path / "m")
    again, begin, usual = models.load_model(tmp_path / "m"), slow.get_weights(), trained(model())
    want = [b + (0.5 if i < 2 else 1) * (u - b) for i, (b, u) in enumerate(zip(begin, usual, strict=True))]
    later = model()
    later.get_layer("first").learning_rate_factor = 0.5
    for each in (slow, again, later):
        _assert_close(trained(each), want)
    with pytest.raises(ValueError, match="learning_rate_factor"):
        layers.Dense(2, learning_rate_factor=-1)


def test_files_hold_what_is_kept(tmp_path: Any) -> None:
    model, x, y = _model(), *_data()
    _trained(Momentum(), model=model)
    model.save(tmp_path / "m")
    again = models.load_model(tmp_path / "m", {"Momentum": Momentum})
    assert again.optimizer.iterations == model.optimizer.iterations == 4
    for each in (model, again):
        each.fit(x, y, epochs=2, verbose=0)
    assert all(np.array_equal(a, b) for a, b in zip(model.get_weights(), again.get_weights(), strict=True))
    with pytest.warns(UserWarning, match="unknown optimizer 'Momentum'.*as if it were not compiled"):
        assert models.load_model(tmp_path / "m").count_params() == model.count_params()
