"""Vectors for whole numbers: values, training, files, and what is refused."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from cnnfast import Input, Model, Sequential, initializers, layers, models
from cnnfast.layers import Dense, Embedding, Flatten
from cnnfast.layers.tracing import Tracing
from cnnfast.tuning import new_network


def test_built_without_a_shape() -> None:
    layer = layers.Embedding(7, 3)
    layer.build()
    assert layer.embeddings.shape == (7, 3)
    assert layer(np.array([[0, 6]])).shape == (1, 2, 3)


def test_values(isa: str) -> None:
    x = np.random.default_rng(0).integers(0, 50, (7, 4, 3))
    layer = Embedding(50, 19)
    got = layer(x)
    table = layer.embeddings.numpy()
    np.testing.assert_array_equal(got, table[x])
    assert layer.compute_output_shape((None, 4, 3)) == (None, 4, 3, 19)
    assert table.shape == (50, 19)
    assert np.abs(table).max() <= 0.05 < np.abs(table).max() * 1.1  # Keras's "uniform"
    np.testing.assert_array_equal(layer(x.astype(np.float32)), table[x])
    model = Model(source := Input((4, 3)), layer(source))
    np.testing.assert_array_equal(model.predict(x), table[x])


def test_training_moves_the_vectors_that_were_read(isa: str) -> None:
    x = np.array([[0, 2], [2, 2]])
    model = Sequential([Input((2,)), Embedding(4, 3), Flatten(), Dense(1, use_bias=False)])
    model.compile("sgd", "mse")
    table, kernel = model.get_weights()
    y = np.array([[1.0], [2.0]])
    rows = table[x].reshape(2, 6).astype(float)
    slope = (rows @ kernel - y) @ kernel.T.astype(float) * (2 / 2)
    want = table.astype(float)
    np.add.at(want, x, -0.01 * slope.reshape(2, 2, 3))
    model.train_on_batch(x, y)
    np.testing.assert_allclose(model.get_weights()[0], want, rtol=1e-5, atol=1e-7)
    np.testing.assert_array_equal(model.get_weights()[0][[1, 3]], table[[1, 3]])


def test_learns(threads: Any) -> None:
    """Which of 40 numbers are even, the same on any number of threads."""
    x = np.random.default_rng(0).integers(0, 40, (256, 1))
    weights = []
    for count in (1, 3):
        threads(count)
        model = Sequential(
            [
                Input((1,)),
                Embedding(40, 8, embeddings_initializer=initializers.RandomNormal(seed=1)),
                Flatten(),
                Dense(1, "sigmoid", kernel_initializer=initializers.RandomNormal(seed=2)),
            ]
        )
        model.compile("adam", "binary_crossentropy", metrics=["accuracy"])
        model.fit(x, x % 2, epochs=60, batch_size=32, verbose=0, shuffle=False)
        weights.append(model.get_weights())
    assert model.evaluate(x, x % 2, verbose=0)[1] == 1
    for one, three in zip(*weights, strict=True):
        np.testing.assert_array_equal(one, three)


def test_rules_and_files(tmp_path: Path) -> None:
    layer = Embedding(
        6,
        4,
        embeddings_initializer="ones",
        embeddings_regularizer="l2",
        embeddings_constraint="unit_norm",
        name="words",
    )
    model = Sequential([Input((3,)), layer, Flatten(), Dense(2)])
    model.compile("sgd", "mse")
    x = np.array([[0, 5, 1], [2, 2, 2]])
    model.fit(x, np.zeros((2, 2)), epochs=1, verbose=0)
    np.testing.assert_allclose(np.linalg.norm(layer.embeddings.numpy(), axis=0), 1, rtol=1e-5)
    model.save(tmp_path / "words.cnnfast")
    loaded = models.load_model(tmp_path / "words.cnnfast")
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    assert loaded.get_layer("words").get_config() == layer.get_config()


def test_given_vectors_and_sharing() -> None:
    table = np.arange(12, dtype=np.float32).reshape(4, 3)
    layer = Embedding(4, 3, weights=[table])
    sources = [Input((2,)), Input((2,))]
    model = Model(sources, layers.Dot(-1)([layer(each) for each in sources]))
    x = np.array([[0, 1]]), np.array([[3, -1]])
    np.testing.assert_array_equal(model.predict(list(x)), np.einsum("nik,njk->nij", table[x[0]], table[x[1]]))


def test_vectors_are_read_where_they_are() -> None:
    graph = Tracing()
    table = Embedding(9, 4)
    table.build((None, 3))
    x = graph.value(graph.input((3,), "x"))
    with graph.within():
        vectors = table(x)
        plain = new_network(graph, [(vectors @ np.ones((4, 2))).number])
    assert "weight" not in [step["op"] for step in plain.plan(2, "vjp") if step["direction"] == "forward"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Embedding(0, 2), "input_dim"),
        (lambda: Embedding(2, 0), "output_dim"),
        (lambda: Embedding(2, 2, mask_zero=True), "does not offer mask_zero yet"),
        (lambda: Embedding(2, 2, input_length=3), "no argument 'input_length'"),
        (lambda: Embedding(2, 2, weights=np.ones((3, 2))), "shape"),
        (lambda: Embedding(2, 2)(np.array([[2]])), "indices into 2 cells must lie between -2 and 1; got 2"),
    ],
)
def test_refused(make: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        make()


def _unit(x: np.ndarray, axis: int) -> np.ndarray:
    return x / np.linalg.norm(x, axis=axis, keepdims=True)


@pytest.mark.parametrize(
    ("shapes", "axes", "subscripts"),
    [
        (((4,), (4,)), 1, "ni,ni->n"),
        (((4,), (4,)), -1, "ni,ni->n"),
        (((4, 3), (5, 3)), -1, "nak,nbk->nab"),
        (((4, 3), (3, 5)), (2, 1), "nak,nkb->nab"),
        (((4, 3), (4, 5)), 1, "nka,nkb->nab"),
        (((4, 3, 2), (6, 4)), (1, 2), "nkab,nck->nabc"),
        (((3,), (5, 3)), (1, 2), "nk,nak->na"),
    ],
)
@pytest.mark.parametrize("normalize", [False, True])
def test_dot(shapes: Any, axes: Any, subscripts: str, normalize: bool, tmp_path: Path) -> None:
    rng = np.random.default_rng(0)
    x = [rng.normal(size=(7, *shape)).astype(np.float32) for shape in shapes]
    sources = [Input(shape) for shape in shapes]
    model = Model(sources, layers.dot(sources, axes, normalize=normalize))
    pair = (axes, axes) if isinstance(axes, int) else axes
    known = [_unit(each, axis) if normalize else each for each, axis in zip(x, pair, strict=True)]
    want = np.einsum(subscripts, *(each.astype(float) for each in known))
    if want.ndim == 1:
        want = want[:, None]
    np.testing.assert_allclose(model.predict(x), want, rtol=1e-5, atol=1e-5)
    model.save(tmp_path / "dot.cnnfast")
    np.testing.assert_array_equal(models.load_model(tmp_path / "dot.cnnfast").predict(x), model.predict(x))


def test_dot_refuses() -> None:
    with pytest.raises(ValueError, match="exactly two inputs"):
        layers.Dot(1)([Input((4,))] * 3)
    with pytest.raises(ValueError, match="is the batch's"):
        layers.Dot(0)([Input((4,)), Input((4,))])
    with pytest.raises(ValueError, match="one axis or a pair"):
        layers.Dot((1, 2, 3))
