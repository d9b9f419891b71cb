"""Packed copies of weights: a training step leaves them as it leaves the weights, whatever came before it."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import pytest
from support.nets import adam, sgd

from cnnfast import _core

SHAPE = (7, 6)
WHOLE, CUT = 20, 48  # samples: the second batch is cut into micro-batches
CLASSES = 5

# Channels of the samples, then (filters, kernel, stride, groups) of each layer; sizes around the sixteen
# channels of a block and the tasks of the update.
CHAINS: dict[str, tuple[int, list[tuple[int, int, int, int]]]] = {
    "blocked": (3, [(20, 3, 1, 1), (48, 3, 2, 1), (70, 1, 2, 1)]),
    "blocked groups": (40, [(64, 3, 1, 1), (64, 3, 1, 2)]),
    "lanes": (1, [(20, 5, 1, 1), (33, 3, 1, 1), (9, 2, 1, 3)]),
    "winograd": (50, [(64, 3, 1, 1), (64, 3, 1, 2), (17, 3, 1, 1)]),
    "winograd past the caches": (125, [(130, 3, 1, 1)]),
    "winograd_f2": (50, [(64, 3, 1, 1), (33, 3, 1, 1)]),
    "winograd_f6": (50, [(64, 3, 1, 1), (33, 3, 1, 1)]),
    "winograd_s2": (50, [(17, 3, 2, 1), (33, 3, 2, 1)]),
    "winograd_s2_f5": (50, [(17, 3, 2, 1), (33, 3, 2, 1)]),
    "blocked_bf16": (50, [(64, 3, 1, 1), (34, 1, 2, 1)]),
    "depthwise": (20, [(20, 3, 1, 20), (40, 3, 2, 20)]),
    "grouped": (256, [(256, 3, 1, 32), (64, 3, 1, 32), (128, 1, 1, 32)]),
    "transposed": (20, [(40, 3, 2, 1), (17, 3, 1, 1)]),
}
KINDS = list(CHAINS)


Operation = Callable[["_core.Network"], Any]


def constrain(position: int, *rule: Any) -> Operation:
    return lambda network: network.weights[position].set_constraint(*rule)


def train_weight(position: int, trained: bool) -> Operation:
    return lambda network: setattr(network.weights[position], "trainable", trained)


class Trained:
    """A network and the settings with which another one like it can be made."""

    def __init__(self, kind: str, depth_first: bool) -> None:
        self.kind, self.depth_first = kind, depth_first
        self.settings: list[Operation] = []
        self.network, self.count = self._build()
        rng = np.random.default_rng(1)
        for position in range(self.count):
            shape = self.network.weights[position].numpy().shape
            self.network.weights[position].assign((0.2 * rng.normal(size=shape)).astype(np.float32))

    def _build(self) -> tuple["_core.Network", int]:
        graph, (channels, layers) = _core.Graph(), CHAINS[self.kind]
        value = graph.input((*SHAPE, channels), "input")
        for i, (filters, size, stride, groups) in enumerate(layers):
            window = value, filters, (size, size), (stride, stride), "same"
            rest = (1, 1), groups, True, "channels_last", f"conv_{i}"
            if self.kind == "transposed":
                value = graph.conv_transpose(*window, None, *rest)
            else:
                value = graph.conv(*window, *rest)
            value = graph.activation(value, "relu", f"relu_{i}")
        value = graph.dense(graph.flatten(value, "channels_last", "flat"), CLASSES, True, "head")
        network = _core.Network(graph, value)
        network.disable_pass("depth_first", not self.depth_first)
        network.force_algorithm("conv2d", "blocked" if self.kind == "transposed" else self.kind.split()[0])
        network.configure("sparse_categorical_crossentropy", True, [], adam(0.003))
        return network, len(graph.weights)

    def set(self, setting: "Operation") -> None:
        """Sets something of the network, and remembers it."""
        self.settings.append(setting)
        setting(self.network)

    def weights(self) -> list[np.ndarray]:
        """Copies of all parameters."""
        return [np.array(self.network.weights[position].numpy()) for position in range(self.count)]

    def fresh(self) -> "Trained":
        """One whose weights and optimizer's state come from outside: nothing is packed yet."""
        other = Trained(self.kind, self.depth_first)
        for setting in self.settings:
            other.set(setting)
        for position, value in enumerate(self.weights()):
            other.network.weights[position].assign(value)
        other.network.set_optimizer_state(self.network.optimizer_state(), self.network.step)
        return other

    def state(self) -> list[np.ndarray]:
        """What training changes."""
        slots = self.network.optimizer_state()
        return [*self.weights(), *(np.array(slots[name]) for name in sorted(slots))]


def samples(kind: str) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(2)
    x = rng.normal(size=(CUT, *SHAPE, CHAINS[kind][0])).astype(np.float32)
    return x, rng.integers(0, CLASSES, CUT).astype(np.int32)


def operations(trained: Trained) -> Iterator[tuple[str, Operation]]:
    """Runs to be compared, with changes of settings and of weights between them."""
    x, y = samples(trained.kind)
    kernel = 0.1 * trained.network.weights[2].numpy()

    def train(count: int) -> tuple[str, Operation]:
        return f"train {count}", lambda network: network.train_step(x[:count], y[:count])

    def train_thrice(count: int) -> tuple[str, Operation]:
        rows = np.tile(np.arange(count), 3)
        return f"train {count} thrice", lambda network: network.train_steps([x, y], count, rows, 60.0)[-1]

    predict = "predict", lambda network: [network.predict(x[:WHOLE])]
    yield from (predict, train(CUT), train(CUT), predict, train(WHOLE), train(WHOLE), train(CUT))
    yield "evaluate", lambda network: network.evaluate_step(x[:WHOLE], y[:WHOLE])
    yield "vjp", lambda network: [network.vjp(x[:2], np.ones((2, CLASSES), np.float32))[0]]
    trained.network.weights[2].assign(kernel)
    yield from (train(CUT), train_thrice(CUT), train(CUT))
    trained.network.profile(x, y, 2)
    yield from (train(CUT), predict)
    trained.set(train_weight(2, False))
    yield from (train(CUT), train(WHOLE), train(WHOLE))
    trained.set(train_weight(2, True))
    yield from (train(WHOLE), train(CUT))
    trained.set(constrain(2, "norm", 0.0, 0.3))
    yield from (train(CUT), train_thrice(CUT), train_thrice(WHOLE), train(WHOLE))
    trained.set(constrain(0, "non_negative"))
    trained.set(lambda network: network.weights[2].set_regularizer(0.0, 0.01))
    yield from (train(CUT), train(CUT), predict)
    for limit in ({"global_clipnorm": 0.1}, {"clipnorm": 0.1}, {"clipvalue": 0.001}):
        trained.set(
            lambda network, limit=limit: network.configure(
                "sparse_categorical_crossentropy", True, [], {**sgd(0.05, 0.9), **limit}
            )
        )
        yield from (train(CUT), train(CUT), train(WHOLE), train(WHOLE))
    trained.set(constrain(2, None))
    yield from (train(CUT), train(CUT), predict)


@pytest.mark.parametrize("depth_first", [True, False])
@pytest.mark.parametrize("kind", KINDS)
def test_runs_are_those_of_weights_from_outside(
    kind: str,
    depth_first: bool,
    threads: Callable[[int], None],
    precision: Callable[[Any], None],
    isa: str,
) -> None:
    """Bit for bit, after any sequence of runs; the others have another number of threads."""
    precision("fast")
    trained = Trained(kind, depth_first)
    for name, operation in operations(trained):
        fresh, results = trained.fresh(), []
        for count, each in ((3, trained), (1, fresh)):
            threads(count)
            results.append(np.asarray(operation(each.network)).tobytes())
        assert results[0] == results[1], name
        for got, ref in zip(trained.state(), fresh.state(), strict=True):
            assert got.tobytes() == ref.tobytes(), name


@pytest.mark.parametrize("constrained", [False, True])
@pytest.mark.parametrize("batch", [WHOLE, CUT])
@pytest.mark.parametrize("kind", KINDS)
def test_steps_in_a_row_pack_nothing(
    kind: str, batch: int, constrained: bool, precision: Callable[[Any], None], isa: str
) -> None:
    """The steps that would are planned, for weights from outside, and left out."""
    precision("fast")
    trained = Trained(kind, True)
    if constrained:
        trained.set(constrain(0, "non_negative"))
    x, y = samples(kind)
    _, seconds, _ = trained.network.profile(x[:batch], y[:batch], 1)
    plan = trained.network.plan(batch, "train")
    assert any(step["direction"] == "join of results" for step in plan) == (batch == CUT)
    took = {step["direction"]: 0.0 for step in plan}
    for step, time in zip(plan, seconds, strict=True):
        took[step["direction"]] += time
    assert took["pack weights"] == 0
    assert took["forward"] > 0
    assert took["update"] > 0
    assert trained.network.arena_bytes == trained.network.memory(batch, "train")
