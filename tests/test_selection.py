"""Numbers chosen by indices: forward and backward against NumPy, on arrays and in models; every instruction
set; 1 against 3 threads; indices of no cell.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from cnnfast import Model, ops
from cnnfast.layers import Input
from cnnfast.layers.tracing import Tracing
from cnnfast.ops.runner import workspace
from cnnfast.tuning import new_network

Floats = NDArray[Any]
Shape = tuple[int, ...]


@dataclass(frozen=True)
class Choice:
    """One row: a function of ops and NumPy, shapes of numbers and indices, and which begin with the batch."""

    name: str
    shape: Shape
    indices: Shape
    axis: int | None
    batches: tuple[bool, bool] = (False, False)

    def __str__(self) -> str:
        marks = [str(s) + "b" * b for s, b in zip((self.shape, self.indices), self.batches, strict=True)]
        return "-".join((self.name, *marks, str(self.axis)))

    def __call__(self, *x: Any) -> Any:
        return getattr(ops, self.name)(*x, axis=self.axis)

    def oracle(self, x: Floats, indices: Floats) -> Floats:
        return np.asarray(getattr(np, self.name)(x, indices.astype(int), axis=self.axis))

    def arguments(self) -> list[Floats]:
        rng = np.random.default_rng(len(str(self)))
        size = int(np.prod(self.shape)) if self.axis is None else self.shape[self.axis]
        indices = rng.integers(-size, size, self.indices).astype(np.float32)
        return [rng.normal(size=self.shape).astype(np.float32), indices]


ONE, OTHER, BOTH = (True, False), (False, True), (True, True)
CHOICES = [
    Choice("take", (5,), (), 0),
    Choice("take", (5,), (7,), 0),
    Choice("take", (5, 4), (7,), 0),
    Choice("take", (5, 4), (7, 2), 1),
    Choice("take", (5, 4, 3), (7, 2), 1),
    Choice("take", (5, 4, 3), (7,), -1),
    Choice("take", (5, 4), (3,), None),
    Choice("take", (1, 1), (1,), 0),
    Choice("take", (40, 700), (90,), 0),
    Choice("take", (9, 5, 4), (6,), 1, ONE),
    Choice("take", (9, 5, 4), (2, 3), 2, ONE),
    Choice("take", (9, 5), (), 1, ONE),
    Choice("take", (1, 5, 4), (6,), 1, ONE),
    Choice("take", (13, 4), (9, 6), 0, OTHER),
    Choice("take", (13, 4), (1, 6), 0, OTHER),
    Choice("take", (13, 4, 2), (9, 2, 3), 0, OTHER),
    Choice("take", (13,), (9,), 0, OTHER),
    Choice("take_along_axis", (5, 4), (5, 2), 1),
    Choice("take_along_axis", (5, 4), (7, 4), 0),
    Choice("take_along_axis", (5, 4, 3), (5, 2, 3), 1),
    Choice("take_along_axis", (5, 4, 3), (1, 2, 1), 1),
    Choice("take_along_axis", (1, 4, 1), (5, 2, 3), 1),
    Choice("take_along_axis", (3, 4), (2,), None),
    Choice("take_along_axis", (9, 4), (9, 2), 1, BOTH),
    Choice("take_along_axis", (9, 4, 3), (9, 1, 3), 1, BOTH),
    Choice("take_along_axis", (1, 4, 3), (1, 2, 3), 1, BOTH),
    Choice("take_along_axis", (9, 4, 3), (9, 4, 5), -1, BOTH),
    Choice("take_along_axis", (9, 4, 3), (1, 2, 3), 1, ONE),
    Choice("take_along_axis", (1, 4, 3), (9, 2, 3), 1, OTHER),
]


def network(choice: Choice) -> Any:
    """Of one operation on inputs, with or without a batch axis."""
    graph = Tracing()
    with graph.within():
        values = [
            graph.value(graph.input(shape[1:] if batch else shape, "x", 1 if batch else 0))
            for shape, batch in zip((choice.shape, choice.indices), choice.batches, strict=True)
        ]
        out = choice(*values)
    return new_network(graph, [out.number], workspace())


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_arrays(choice: Choice, isa: str) -> None:
    x, indices = choice.arguments()
    np.testing.assert_array_equal(choice(x, indices), choice.oracle(x, indices))
    np.testing.assert_array_equal(choice(x, indices.astype(int)), choice.oracle(x, indices))


@pytest.mark.parametrize("choice", CHOICES, ids=str)
def test_gradients(choice: Choice, isa: str) -> None:
    """What the oracle takes of the numbers' own positions tells where gradients belong."""
    x, indices = choice.arguments()
    out = choice.oracle(x, indices)
    weights = np.random.default_rng(1).normal(size=out.shape).astype(np.float32)
    (grad, of_indices), _ = network(choice).vjp([x, indices], [weights])
    want = np.zeros(x.size)
    np.add.at(want, choice.oracle(np.arange(x.size).reshape(x.shape), indices), weights)
    np.testing.assert_allclose(grad, want.reshape(x.shape), rtol=1e-6, atol=1e-6)
    assert not of_indices.any()


@pytest.mark.parametrize("choice", [c for c in CHOICES if any(c.batches) and len(c.indices) != 1], ids=str)
def test_symbolic_tensors(choice: Choice) -> None:
    x = choice.arguments()
    given = list(zip(choice.batches, x, strict=True))
    sources = [Input(each.shape[1:]) if batch else each for batch, each in given]
    made = Model([s for s in sources if not isinstance(s, np.ndarray)], choice(*sources))
    samples = [each for batch, each in given if batch]
    np.testing.assert_array_equal(made.predict(samples), choice.oracle(*x))
    copy = Model.from_config(made.get_config())
    np.testing.assert_array_equal(copy.predict(samples), choice.oracle(*x))


@pytest.mark.parametrize(
    "choice",
    [
        Choice("take", (3000, 20), (50, 30), 0, OTHER),
        Choice("take", (50, 2000, 2), (700,), 1, ONE),
        Choice("take_along_axis", (50, 900, 7), (50, 300, 7), 1, BOTH),
    ],
    ids=str,
)
def test_threads(choice: Choice, threads: Callable[[int], None], isa: str) -> None:
    """A product beside it makes the program large enough for a team."""
    x, indices = choice.arguments()
    weights = np.random.default_rng(1).normal(size=choice.oracle(x, indices).shape).astype(np.float32)
    square = np.ones((200, 200), np.float32)
    graph = Tracing()
    with graph.within():
        values = [
            graph.value(graph.input(each.shape[1:] if batch else each.shape, "x", 1 if batch else 0))
            for each, batch in zip((x, indices), choice.batches, strict=True)
        ]
        outputs = [choice(*values), graph.as_value(square) @ graph.as_value(square)]
    net = new_network(graph, [each.number for each in outputs], workspace())
    results = []
    for count in (1, 3):
        threads(count)
        grads, _ = net.vjp([x, indices], [weights, square])
        results.append([*net.predict([x, indices]), *grads])
    for one, three in zip(*results, strict=True):
        np.testing.assert_array_equal(one, three)
    np.testing.assert_array_equal(results[0][0], choice.oracle(x, indices))


@pytest.mark.parametrize("index", [5, -6, 1e9, np.inf, np.nan])
def test_indices_of_no_cell(index: float) -> None:
    x = np.ones((5, 3), np.float32)
    with pytest.raises(ValueError, match="indices into 5 cells must lie between -5 and 4"):
        ops.take(x, [0, index], axis=0)
    with pytest.raises(ValueError, match="indices into 5 cells must lie between -5 and 4"):
        Model(source := Input((2,)), ops.take(x, source, axis=0)).predict(np.array([[0, index]]))
    with pytest.raises(ValueError, match="indices into 5 cells must lie between -5 and 4"):
        ops.take(Input((5,)), np.array([0, index]), axis=1)
    graph = Tracing()
    with graph.within():
        source, told = graph.value(graph.input((5, 3), "x", 0)), graph.value(graph.input((2,), "told", 0))
        net = new_network(graph, [ops.take(source, told + 0.0, axis=0).number], workspace())
    indices = np.array([-5, index], np.float32)
    np.testing.assert_array_equal(net.predict([x, indices])[0], [[1] * 3, [np.nan] * 3])
    grads, _ = net.vjp([x, indices], [np.ones((2, 3), np.float32)])
    np.testing.assert_array_equal(grads[0], np.arange(5)[:, None] == np.zeros((1, 3)))


def test_indices_are_truncated() -> None:
    np.testing.assert_array_equal(ops.take([1.0, 2.0, 3.0], [1.9, -0.9, -1.9, -3.5]), [2, 1, 3, 1])


def test_refused() -> None:
    x, indices = Input((4, 3)), Input((2,))
    with pytest.raises(ValueError, match="is the batch's"):
        ops.take(x, [1], axis=0)
    with pytest.raises(ValueError, match="a second axis of the batch"):
        ops.take(x, indices, axis=1)
    with pytest.raises(ValueError, match="the batch's axis behind others"):
        ops.take(np.ones((4, 3)), indices, axis=1)
    with pytest.raises(ValueError, match="name an axis"):
        ops.take(x, [1])
    with pytest.raises(ValueError, match=r"axis must be different ones of .* got 3"):
        ops.take(x, [1], axis=3)
    with pytest.raises(ValueError, match="need as many axes"):
        ops.take_along_axis(x, indices, axis=1)
    with pytest.raises(ValueError, match="1 to all can be asked for; got 4"):
        ops.top_k(x, 4)
    with pytest.raises(ValueError, match="a new axis cannot be at 0"):
        ops.one_hot(indices, 3, axis=0)


def test_one_hot(isa: str) -> None:
    x = np.array([[2, 0, -1], [1, 3, 2]])
    want = (x[..., None] == np.arange(3)).astype(np.float32)
    np.testing.assert_array_equal(ops.one_hot(x, 3), want)
    np.testing.assert_array_equal(ops.one_hot(x, 3, axis=1), np.moveaxis(want, -1, 1))
    np.testing.assert_array_equal(ops.one_hot(x, 3, axis=0), np.moveaxis(want, -1, 0))
    for axis in (-1, 1, 2):
        made = Model(source := Input((3,)), ops.one_hot(source, 3, axis=axis))
        np.testing.assert_array_equal(made.predict(x), np.moveaxis(want, -1, axis))


@pytest.mark.parametrize("axis", [0, 1, 2, -1, None])
@pytest.mark.parametrize("shape", [(5, 4, 3), (1, 1, 1), (2, 33, 100)])
def test_sort(axis: int | None, shape: Shape, isa: str) -> None:
    x = np.random.default_rng(0).integers(-9, 9, shape).astype(np.float32)
    x.flat[0] = np.nan
    np.testing.assert_array_equal(ops.sort(x, axis=axis), np.sort(x, axis=axis))
    np.testing.assert_array_equal(ops.argsort(x, axis=axis), np.argsort(x, axis=axis, kind="stable"))
    if axis:
        made = Model(source := Input(shape[1:]), ops.sort(source, axis=axis))
        np.testing.assert_array_equal(made.predict(x), np.sort(x, axis=axis))


def test_top_k(isa: str) -> None:
    x = np.random.default_rng(0).integers(-9, 9, (6, 5, 30)).astype(np.float32)
    order = np.argsort(-x, axis=-1, kind="stable")
    for k in (1, 4, 30):
        values, positions = ops.top_k(x, k)
        np.testing.assert_array_equal(positions, order[..., :k])
        np.testing.assert_array_equal(values, np.take_along_axis(x, order[..., :k], -1))
    made = Model(source := Input((5, 30)), ops.top_k(source, 3))
    np.testing.assert_array_equal(made.predict(x)[1], order[..., :3])


def test_gradient_of_sorting() -> None:
    graph = Tracing()
    with graph.within():
        out = ops.sort(graph.value(graph.input((4,), "x")))
    net = new_network(graph, [out.number], workspace())
    x = np.array([[3.0, 1.0, 4.0, 2.0]], np.float32)
    grads, _ = net.vjp([x], [np.array([[1.0, 2.0, 3.0, 4.0]], np.float32)])
    np.testing.assert_array_equal(grads[0], [[3, 1, 4, 2]])


def test_in_top_k() -> None:
    predictions = np.array([[0.1, 0.7, 0.2], [0.3, 0.3, 0.4], [0.5, 0.3, 0.2]])
    targets = np.array([0, 1, 2])
    for k in (1, 2, 3):
        least = np.sort(predictions)[:, -k]
        want = predictions[np.arange(3), targets] >= least
        np.testing.assert_array_equal(ops.in_top_k(targets, predictions, k), want)
    made = Model(sources := [Input((3,)), Input((3, 3))], ops.in_top_k(*sources, 2))
    np.testing.assert_array_equal(made.predict([targets[None], predictions[None]]), [[0, 1, 0]])
