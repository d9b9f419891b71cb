"""Graphs of several inputs and outputs, weights as values, and objectives, against float64 NumPy."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from support.nets import adam, sgd

from cnnfast import _core
from cnnfast._core import Graph, Network, Objective, Weight

RNG = np.random.default_rng(5)


def _normal(*shape: int) -> np.ndarray:
    return RNG.normal(size=shape).astype(np.float32)


def _weight(name: str, value: np.ndarray) -> Weight:
    weight = Weight(name, value.shape)
    weight.assign(value)
    return weight


def _softmax(z: np.ndarray) -> np.ndarray:
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


class TwoBranches:
    """y1 = tanh(a @ ka) + b @ kb, y2 = softmax(y1 @ kc): two inputs and two outputs."""

    def __init__(self) -> None:
        rng = np.random.default_rng(1)
        self.values = [rng.normal(size=s).astype(np.float32) for s in ((4, 3), (5, 3), (3, 6))]
        self.weights = [_weight(n, v) for n, v in zip("abc", self.values, strict=True)]
        graph = Graph()
        a, b = graph.input((4,), "a"), graph.input((5,), "b")
        left = graph.activation(graph.dense(a, 3, False, "left", self.weights[:1]), "tanh", "tanh")
        right = graph.dense(b, 3, False, "right", self.weights[1:2])
        self.first = graph.add([left, right], "sum")
        head = graph.dense(self.first, 6, False, "head", self.weights[2:])
        self.second = graph.activation(head, "softmax", "softmax")
        self.graph = graph

    def outputs(self, a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        ka, kb, kc = (v.astype(float) for v in self.values)
        y1 = np.tanh(a.astype(float) @ ka) + b.astype(float) @ kb
        return y1, _softmax(y1 @ kc)


def test_two_inputs_and_two_outputs(isa: str) -> None:
    net = TwoBranches()
    network = Network(net.graph, [net.first, net.second])
    for n in (1, 3, 17, 48):
        a, b = _normal(n, 4), _normal(n, 5)
        for got, expected in zip(network.predict([a, b]), net.outputs(a, b), strict=True):
            np.testing.assert_allclose(got, expected, rtol=2e-5, atol=2e-6)
    with pytest.raises(ValueError, match="2 inputs, got 1"):
        network.predict([_normal(2, 4)])
    with pytest.raises(ValueError, match="as many samples, got 2 and 3"):
        network.predict([_normal(2, 4), _normal(3, 5)])


def test_gradients_of_all_inputs_and_outputs(isa: str) -> None:
    net = TwoBranches()
    network = Network(net.graph, [net.first, net.second])
    a, b = _normal(5, 4), _normal(5, 5)
    g1, g2 = _normal(5, 3), _normal(5, 6)
    grads, weights = network.vjp([a, b], [g1, g2])
    y1, y2 = net.outputs(a, b)
    ka, kb, kc = (v.astype(float) for v in net.values)
    dz = y2 * (g2 - (g2 * y2).sum(-1, keepdims=True))
    dy = g1 + dz @ kc.T
    dt = dy * (1 - np.tanh(a @ ka) ** 2)
    expected = [dt @ ka.T, dy @ kb.T, a.T @ dt, b.T @ dy, y1.T @ dz]
    for got, wanted in zip([*grads, *weights], expected, strict=True):
        np.testing.assert_allclose(got, wanted, rtol=1e-4, atol=1e-5)


def test_an_input_that_leads_nowhere_has_no_gradient() -> None:
    graph = Graph()
    graph.input((3,), "unused")
    network = Network(graph, [graph.activation(graph.input((2,), "x"), "relu", "relu")])
    grads, _ = network.vjp([_normal(2, 3), np.ones((2, 2), np.float32)], [np.ones((2, 2), np.float32)])
    assert grads[0].tolist() == [[0] * 3] * 2
    assert grads[1].tolist() == [[1] * 2] * 2


@pytest.mark.parametrize("n", [3, 48])
@pytest.mark.parametrize("weighted", [False, True])
def test_losses_add_up_by_their_factors(n: int, weighted: bool, threads: Callable[[int], None]) -> None:
    """Of both outputs, on 1 and 3 threads; metrics come as sums."""
    results = []
    for count in (1, 3):
        threads(count)
        rng = np.random.default_rng(n)
        net = TwoBranches()
        network = Network(net.graph, [net.first, net.second])
        graph = net.graph.copy()
        t1, t2 = graph.input((3,), "t1"), graph.input((), "t2")
        w = graph.input((), "weights") if weighted else None
        mse = graph.loss("squared_error", net.first, t1, True, "mse", w)
        entropy = graph.loss("softmax_cross_entropy", net.second, t2, False, "entropy", w)
        accuracy = graph.metric("accuracy", net.second, t2, "accuracy")
        network.set_objective(
            Objective(graph, [(mse, 0.5, False), (entropy, 2.0, False)], [accuracy, mse, entropy])
        )
        network.set_optimizer(sgd(0.1))
        a, b = (rng.normal(size=(n, k)).astype(np.float32) for k in (4, 5))
        y1, y2 = rng.normal(size=(n, 3)).astype(np.float32), rng.integers(0, 6, n).astype(np.int32)
        factors = rng.uniform(0, 2, n).astype(np.float32)
        inputs: list[Any] = [a, b, y1, y2, *([factors] if weighted else [])]
        out1, out2 = net.outputs(a, b)
        rate = factors.astype(float) if weighted else np.ones(n)
        losses = rate * ((out1 - y1) ** 2).mean(-1), -rate * np.log(out2[np.arange(n), y2])
        total, right, *sums = network.evaluate_step(inputs)
        np.testing.assert_allclose(total, 0.5 * losses[0].mean() + 2 * losses[1].mean(), rtol=2e-5)
        np.testing.assert_allclose(sums, [each.sum() for each in losses], rtol=2e-5)
        assert right == (out2.argmax(-1) == y2).sum()
        assert network.train_step(inputs)[0] == pytest.approx(total, rel=1e-6)
        dz = 2 / n * rate[:, None] * (out2 - np.eye(6)[y2])
        dy = 0.5 / n / 3 * 2 * rate[:, None] * (out1 - y1) + dz @ net.values[2].astype(float).T
        step = net.values[1] - net.weights[1].numpy()
        np.testing.assert_allclose(step, 0.1 * b.T.astype(float) @ dy, rtol=1e-3, atol=1e-6)
        results.append([weight.numpy().tobytes() for weight in net.weights])
    assert results[0] == results[1]


@pytest.mark.parametrize(
    ("kind", "labels"),
    [
        ("softmax_cross_entropy", False),
        ("softmax_cross_entropy", True),
        ("sigmoid_cross_entropy", False),
        ("squared_error", False),
    ],
)
@pytest.mark.parametrize("weights", [None, (), (2, 3)])
def test_losses_of_pixels(kind: Any, labels: bool, weights: tuple[int, ...] | None, isa: str) -> None:
    """On (2, 3) pixels of 4 channels; the gradient by finite differences of float64."""
    n, target = 5, (2, 3) if labels else (2, 3, 4)
    kernel = _weight("kernel", _normal(1, 1, 3, 4))
    graph = Graph()
    x = graph.input((2, 3, 3), "x")
    z = graph.conv(x, 4, (1, 1), (1, 1), "valid", (1, 1), 1, False, "channels_last", "conv", [kernel])
    network = Network(graph, z)
    own = graph.copy()
    inputs = [z, own.input(target, "targets")]
    rate = None if weights is None else own.input(weights, "weights")
    loss = own.loss(kind, inputs[0], inputs[1], True, "loss", rate)
    assert own.shape(loss) == (2, 3)
    network.set_objective(Objective(own, [(loss, 1.0, False)], []))
    network.set_optimizer(sgd(1.0))
    samples = _normal(n, 2, 3, 3)
    y = RNG.integers(0, 4, (n, 2, 3)).astype(np.int32) if labels else RNG.uniform(size=(n, *target))
    w = np.ones(n) if weights is None else RNG.uniform(size=(n, *weights))

    def reference(k: np.ndarray) -> float:
        out = samples.astype(float) @ k.reshape(3, 4)
        t = np.eye(4)[y] if labels else y
        if kind == "softmax_cross_entropy":
            rows = -(t * np.log(_softmax(out))).sum(-1)
        elif kind == "sigmoid_cross_entropy":
            rows = (np.logaddexp(0, out) - t * out).mean(-1)
        else:
            rows = ((out - t) ** 2).mean(-1)
        return float((rows * w.reshape(n, *weights if weights else (1, 1))).mean())

    before = kernel.numpy().astype(float)
    arrays = [samples, y if labels else y.astype(np.float32)]
    arrays += [] if weights is None else [w.astype(np.float32)]
    assert network.train_step(arrays)[0] == pytest.approx(reference(before), rel=1e-4)
    slopes = np.zeros_like(before)
    for at in np.ndindex(*before.shape):
        moved = before.copy()
        moved[at] += 1e-5
        above = reference(moved)
        moved[at] -= 2e-5
        slopes[at] = (above - reference(moved)) / 2e-5
    np.testing.assert_allclose(before - kernel.numpy(), slopes, rtol=2e-3, atol=2e-6)


def test_gradients_by_the_targets_of_a_loss(isa: str) -> None:
    kinds: list[Any] = ["softmax_cross_entropy", "sigmoid_cross_entropy", "squared_error"]
    z, t = _normal(4, 5), RNG.uniform(size=(4, 5)).astype(np.float32)
    by_target = [
        -np.log(_softmax(z.astype(float))),
        -z.astype(float) / 5,
        -2 * (z.astype(float) - t) / 5,
    ]
    for kind, expected in zip(kinds, by_target, strict=True):
        graph = Graph()
        x, y = graph.input((5,), "x"), graph.input((5,), "y")
        network = Network(graph, [graph.loss(kind, x, y, True, "loss")])
        rates = _normal(4)
        grads, _ = network.vjp([z, t], [rates])
        np.testing.assert_allclose(grads[1], rates[:, None] * expected, rtol=1e-4, atol=1e-6)
        step = 1e-3 * _normal(4, 5)
        moved = [network.predict([z + s * step, t])[0].astype(float) for s in (1, -1)]
        np.testing.assert_allclose(
            rates * (moved[0] - moved[1]) / 2, (grads[0] * step).sum(-1), rtol=2e-2, atol=2e-6
        )


def test_weights_and_constants_are_values(isa: str) -> None:
    """A weight that is read as a value learns what it is compared with; a constant stays."""
    weight = _weight("free", np.zeros((3,), np.float32))
    graph = Graph()
    x = graph.input((1,), "x")
    value = graph.weight(weight)
    constant = graph.constant(np.array([1, -2, 3], np.float32), "goal")
    network = Network(graph, [graph.activation(x, "relu", "relu"), value, constant])
    outs = network.predict([np.ones((2, 1), np.float32)])
    assert [out.tolist() for out in outs] == [[[1], [1]], [0, 0, 0], [1, -2, 3]]
    loss = graph.loss("squared_error", value, constant, True, "distance")
    network.set_objective(Objective(graph, [(loss, 3.0, False)]))
    network.set_optimizer(sgd(0.1))
    assert network.train_step([np.ones((16, 1), np.float32)])[0] == pytest.approx(14)
    np.testing.assert_allclose(weight.numpy(), 0.2 * np.array([1, -2, 3]), rtol=1e-6)


def test_assigned_weights_change_after_training_steps_only() -> None:
    weight, mean = _weight("free", np.full((2,), 5, np.float32)), _weight("mean", np.zeros(2, np.float32))
    mean.trainable = False
    graph = Graph()
    graph.input((1,), "x")
    value = graph.weight(weight)
    goal = graph.constant(np.zeros(2, np.float32), "goal")
    network = Network(graph, [graph.weight(mean)])
    graph.assign(mean, value)
    network.set_objective(
        Objective(graph, [(graph.loss("squared_error", value, goal, True, "loss"), 1.0, False)])
    )
    network.set_optimizer(sgd(0.1))
    x = np.ones((32, 1), np.float32)
    network.evaluate_step([x])
    assert mean.numpy().tolist() == [0, 0]
    network.train_step([x])
    assert mean.numpy().tolist() == [5, 5]
    np.testing.assert_allclose(weight.numpy(), 4.5)
    network.train_step([x])
    np.testing.assert_allclose(network.predict([x])[0], 4.5)
    with pytest.raises(ValueError, match="one value for the whole batch"):
        graph.assign(mean, graph.input((2,), "rows"))


def test_training_may_have_a_graph_of_its_own() -> None:
    """Twice the weight in training, once in evaluation and prediction."""
    weight = _weight("kernel", np.array([[1.0]], np.float32))

    def described(times: int) -> tuple[Graph, int]:
        graph = Graph()
        x = graph.input((1,), "x")
        out = graph.dense(x, 1, False, "dense", [weight])
        return graph, graph.add([out] * times, "sum") if times > 1 else out

    def objective(times: int) -> Objective:
        graph, out = described(times)
        return Objective(
            graph, [(graph.loss("squared_error", out, graph.input((1,), "y"), True, "mse"), 1, False)]
        )

    graph, out = described(1)
    network = Network(graph, out)
    network.set_objective(objective(2), objective(1))
    network.set_optimizer(sgd(0.0))
    one, zero = np.ones((1, 1), np.float32), np.zeros((1, 1), np.float32)
    assert network.train_step([one, zero]) == [4]
    assert network.evaluate_step([one, zero]) == [1]
    assert network.predict(one).tolist() == [[1]]


def test_networks_of_several_shapes_share_the_state_of_training() -> None:
    """Adam's slots follow the weights, whichever network is trained; so do step and learning rate."""
    start = [_normal(3, 3, 1, 2), _normal(2)]

    def networks(weights: list[Weight], state: _core.TrainingState) -> list[Network]:
        made = []
        for size in (5, 8):
            graph = Graph()
            x = graph.input((size, size, 1), "x")
            out = graph.conv(x, 2, (3, 3), (1, 1), "same", (1, 1), 1, True, "channels_last", "conv", weights)
            network = Network(graph, [out], None, state)
            target = graph.input((size, size, 2), "y")
            network.set_objective(
                Objective(graph, [(graph.loss("squared_error", out, target, True, "mse"), 1, False)])
            )
            made.append(network)
        return made

    state = _core.TrainingState()
    weights = [_weight(n, v) for n, v in zip(("k", "b"), start, strict=True)]
    shared = networks(weights, state)
    shared[0].set_optimizer(adam(0.01))
    batches = [(_normal(2, s, s, 1), _normal(2, s, s, 2)) for s in (5, 8, 5)]
    for i, (x, y) in zip((0, 1, 0), batches, strict=True):
        shared[i].train_step([x, y])
    assert [network.step for network in shared] == [3, 3]
    shared[1].learning_rate = 0.5
    assert shared[0].learning_rate == 0.5
    alone = [_weight(n, v) for n, v in zip(("k", "b"), start, strict=True)]
    slots: dict[str, np.ndarray] = {}
    for step, (i, (x, y)) in enumerate(zip((0, 1, 0), batches, strict=True)):
        one = networks(alone, _core.TrainingState())[i]
        one.set_optimizer(adam(0.01))
        if slots:
            one.set_optimizer_state(slots, step)
        one.train_step([x, y])
        slots = one.optimizer_state()
    for ours, theirs in zip(weights, alone, strict=True):
        np.testing.assert_array_equal(ours.numpy(), theirs.numpy())


def test_what_does_not_fit_is_refused_before_anything_changes() -> None:
    net = TwoBranches()
    network = Network(net.graph, [net.first, net.second])
    other = Graph()
    x = other.input((3,), "x")
    loss = other.loss("squared_error", x, other.input((3,), "y"), True, "mse")
    with pytest.raises(ValueError, match="first inputs must be those of the network"):
        network.set_objective(Objective(other, [(loss, 1.0, False)]))
    with pytest.raises(ValueError, match="at least one loss"):
        network.set_objective(Objective(net.graph, []))
    with pytest.raises(ValueError, match="compile the model"):
        network.evaluate_step([_normal(1, 4), _normal(1, 5)])
    graph = net.graph.copy()
    with pytest.raises(ValueError, match="targets must have the predictions' shape"):
        graph.loss("squared_error", net.first, graph.input((2,), "t"), True, "mse")
    with pytest.raises(ValueError, match="the numbers must be as many"):
        graph.reshape(net.first, (2,), 1, "reshape")
    labels = graph.input((), "labels")
    entropy = graph.loss("softmax_cross_entropy", net.second, labels, False, "entropy")
    network.set_objective(Objective(graph, [(entropy, 1.0, False)], []))
    network.set_optimizer(sgd(0.1))
    inputs = [_normal(2, 4), _normal(2, 5), np.zeros((2, 2), np.float32)]
    before = [weight.numpy() for weight in net.weights]
    for label in (-1, 6):
        with pytest.raises(ValueError, match=f"between 0 and 5 for 6 outputs; got {label}"):
            network.train_step([*inputs, np.array([0, label], np.int32)])
    with pytest.raises(ValueError, match=r"got 0\.5"):
        network.train_step([*inputs, np.array([0, 0.5], np.float32)])
    for weight, value in zip(net.weights, before, strict=True):
        np.testing.assert_array_equal(weight.numpy(), value)
