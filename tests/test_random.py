"""`cnnfast.random`: distributions, seeds, and what layers draw in the compiled step."""

import math
from typing import Any

import numpy as np
import pytest

import cnnfast
from cnnfast import Input, Model, layers, ops, random

COUNT = 40_000
# Name, arguments, mean, variance, (lowest, highest).
ROWS: list[tuple[str, tuple[Any, ...], float, float, tuple[float, float]]] = [
    ("normal", (1.0, 2.0), 1.0, 4.0, (-math.inf, math.inf)),
    ("uniform", (-1.0, 3.0), 1.0, 16 / 12, (-1.0, 3.0)),
    ("randint", (2, 6), 3.5, 15 / 12, (2, 5)),
    ("truncated_normal", (1.0, 2.0), 1.0, 4 * 0.7737413, (-3.0, 5.0)),
    ("gamma", (2.5,), 2.5, 2.5, (0.0, math.inf)),
    ("beta", (2.0, 3.0), 0.4, 0.04, (0.0, 1.0)),
    ("binomial", (5, 0.3), 1.5, 1.05, (0, 5)),
]


@pytest.mark.parametrize(("name", "arguments", "mean", "variance", "limits"), ROWS)
def test_distributions(
    name: str, arguments: tuple[Any, ...], mean: float, variance: float, limits: tuple[float, float]
) -> None:
    draw = getattr(random, name)
    x = draw((COUNT // 4, 4), *arguments, seed=1)
    assert x.shape == (COUNT // 4, 4)
    assert x.dtype == (np.int32 if name == "randint" else np.float32)
    assert abs(x.mean() - mean) < 5 * math.sqrt(variance / COUNT)
    assert x.var() == pytest.approx(variance, rel=0.05)
    assert limits[0] <= x.min()
    assert x.max() <= limits[1]
    np.testing.assert_array_equal(draw((COUNT // 4, 4), *arguments, seed=1), x)
    assert (draw((COUNT // 4, 4), *arguments, seed=2) != x).any()


@pytest.mark.parametrize(("name", "arguments"), [row[:2] for row in ROWS])
def test_seeds(name: str, arguments: tuple[Any, ...]) -> None:
    draw = getattr(random, name)
    cnnfast.set_random_seed(5)
    first, second = draw((50,), *arguments), draw((50,), *arguments)
    assert (first != second).any()
    cnnfast.set_random_seed(5)
    np.testing.assert_array_equal(draw((50,), *arguments), first)
    one, other = (
        random.SeedGenerator(3),
        random.SeedGenerator.from_config(random.SeedGenerator(3).get_config()),
    )
    ours = [draw((50,), *arguments, seed=one) for _ in range(2)]
    assert (ours[0] != ours[1]).any()
    np.testing.assert_array_equal([draw((50,), *arguments, seed=other) for _ in range(2)], ours)


def test_categorical() -> None:
    chances = np.array([[0.1, 0.2, 0.7], [0.5, 0.5, 0.0]])
    with np.errstate(divide="ignore"):
        drawn = random.categorical(np.log(chances), COUNT, seed=4)
    assert drawn.dtype == np.int32
    shares = np.array([[(row == each).mean() for each in range(3)] for row in drawn])
    np.testing.assert_allclose(shares, chances, atol=0.015)


def test_shuffle_and_dropout() -> None:
    x = np.arange(24).reshape(2, 12)
    mixed = random.shuffle(x, axis=1, seed=1)
    assert (mixed != x).any()
    np.testing.assert_array_equal(np.sort(mixed, 1), x)
    np.testing.assert_array_equal(mixed[1], mixed[0] + 12)
    kept = random.dropout(np.ones((200, 100)), 0.25, seed=1)
    assert sorted(set(kept.ravel().tolist())) == [0.0, pytest.approx(4 / 3)]
    assert kept.mean() == pytest.approx(1.0, abs=0.02)
    rows = random.dropout(np.ones((200, 100)), 0.25, noise_shape=(None, 1), seed=1)
    assert (rows == rows[:, :1]).all()
    np.testing.assert_array_equal(random.dropout(np.ones((2, 3)), 1.0), np.zeros((2, 3)))


class Draws(layers.Layer):
    """Adds what a function draws."""

    def __init__(self, draw: Any) -> None:
        super().__init__()
        self.draw = draw

    def call(self, inputs: Any) -> Any:
        return inputs + self.draw(ops.shape(inputs))


@pytest.mark.parametrize(("name", "arguments", "mean", "variance", "limits"), ROWS[:3])
def test_in_a_layer(
    name: str, arguments: tuple[Any, ...], mean: float, variance: float, limits: tuple[float, float]
) -> None:
    draw = getattr(random, name)
    x = np.zeros((COUNT // 40, 8, 5), np.float32)
    layer = Draws(lambda shape: draw(shape, *arguments))
    drawn = layer(x)
    assert abs(drawn.mean() - mean) < 5 * math.sqrt(variance / COUNT)
    assert drawn.var() == pytest.approx(variance, rel=0.05)
    assert (layer(x) != drawn).any()
    model = Model(source := Input(x.shape[1:]), Draws(lambda shape: draw(shape, *arguments, seed=1))(source))
    model.compile("sgd", lambda y_true, y_pred: ops.mean(y_pred))
    steps = [model.train_on_batch(x, x) for _ in range(2)]
    assert steps[0] != steps[1]


def test_two_draws_of_one_seed_differ() -> None:
    seed = random.SeedGenerator(1)

    def difference(shape: Any) -> Any:
        return random.normal(shape, seed=seed) - random.normal(shape, seed=seed)

    assert abs(Draws(difference)(np.zeros((10, 10)))).max() > 0.1
    once = Draws(lambda shape: random.uniform((1, 4)))(np.zeros((10, 4)))  # of no batch: for all samples
    assert (once == once[:1]).all()


def test_dropout_in_a_layer() -> None:
    class Always(layers.Layer):
        def call(self, inputs: Any) -> Any:
            return random.dropout(inputs, 0.5, seed=random.SeedGenerator(2))

    assert sorted(set(Always()(np.ones((20, 20))).ravel().tolist())) == [0.0, 2.0]


def test_errors_teach() -> None:
    with pytest.raises(ValueError, match=r"makes arrays.*use normal, uniform"):
        Draws(lambda shape: random.gamma((3,), 1.0))(np.zeros((2, 3)))
    with pytest.raises(ValueError, match="minval below maxval"):
        random.randint((3,), 4, 4)
    with pytest.raises(ValueError, match="alpha must be above 0"):
        random.gamma((3,), 0.0)
    with pytest.raises(ValueError, match=r"logits of shape \(n, classes\)"):
        random.categorical([1.0, 2.0], 3)
    with pytest.raises(ValueError, match="does not offer dtype"):
        random.normal((3,), dtype="float64")
    for shape in ((None,), (None, 2)):
        with pytest.raises(ValueError, match=r"noise_shape must have 1, None or the size .* inputs \(2, 3\)"):
            random.dropout(np.ones((2, 3)), 0.5, noise_shape=shape)


class Sampling(layers.Layer):
    """The layer in the middle of a variational autoencoder, as Keras's guide has it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.seed_generator = random.SeedGenerator(1337)

    def call(self, inputs: Any) -> Any:
        z_mean, z_log_var = inputs
        batch, dim = ops.shape(z_mean)[0], ops.shape(z_mean)[1]
        epsilon = random.normal(shape=(batch, dim), seed=self.seed_generator)
        return z_mean + ops.exp(0.5 * z_log_var) * epsilon


def test_a_variational_autoencoder() -> None:
    source = Input((6,))
    mean, log_var = layers.Dense(2)(source), layers.Dense(2, kernel_initializer="zeros")(source)
    code = Sampling()([mean, log_var])
    model = Model(source, layers.Dense(6)(code))
    model.compile("adam", "mse")
    x = np.random.default_rng(0).normal(size=(4000, 6)).astype(np.float32)
    history = model.fit(x, x, epochs=2, verbose=0).history
    assert history["loss"][1] < history["loss"][0]
    mean_of, code_of = Model(source, [mean, code]).predict(x, batch_size=4000, verbose=0)
    noise = code_of - mean_of
    assert abs(noise.mean()) < 0.1
    assert 0.2 < noise.std() < 3
    assert len(np.unique(noise[:, 0])) > 3900
