"""Random programs of models that share layers, and what each layer should hold, in float64.

A pool of layers that take and return the same shape can be chained in any order. Models are chains of them:
plain or with a shortcut around, with a head or without, of layers or of other models.
"""

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from reference.conv import conv, conv_grad
from reference.dense import activation, activation_grad, dense, dense_grad

import cnnfast
from cnnfast import layers

Array = NDArray[np.float64]
BATCH, CLASSES = 5, 2
SHAPES = {"dense": (4,), "conv": (5, 4, 3)}


@dataclass
class Leaf:
    """A layer and what it should hold."""

    layer: Any
    kind: str
    activation: str
    weights: list[Array]
    trainable: bool = True

    def forward(self, x: Array) -> tuple[Array, Callable[[Array], tuple[Array, list[Array]]]]:
        """The output, and what returns the gradients of input and weights for one of the output."""
        kernel, bias = self.weights
        if self.kind == "conv":
            before = conv(x, kernel, bias=bias, padding="same")
        else:
            before = dense(x.reshape(len(x), -1), kernel, bias)

        def backward(grad: Array) -> tuple[Array, list[Array]]:
            inner = activation_grad(self.activation, before, grad)
            if self.kind == "conv":
                grad_x, *grads = conv_grad(x, kernel, inner, padding="same")
            else:
                grad_x, *grads = dense_grad(x.reshape(len(x), -1), kernel, inner)
            return grad_x.reshape(x.shape), grads

        return activation(self.activation, before), backward


@dataclass
class Twin:
    """A model and what it is made of."""

    model: Any
    parts: Sequence["Leaf | Twin"]
    shortcut: bool
    velocity: list[list[Array]] | None = None  # of the leaves; None: not compiled
    headed: bool = field(default=False)

    def leaves(self) -> list[Leaf]:
        """Each once, in order."""
        found: list[Leaf] = []
        for part in self.parts:
            for leaf in [part] if isinstance(part, Leaf) else part.leaves():
                if all(leaf is not other for other in found):
                    found.append(leaf)
        return found

    def forward(self, x: Array) -> tuple[Array, Callable[[Array, dict[int, list[Array]]], Array]]:
        """The output, and what adds gradients to those of the leaves and returns that of the input."""
        steps: list[tuple[Leaf | Twin, Any]] = []
        value = x
        body = list(self.parts[:-1] if self.headed else self.parts)
        for part in body:
            value, back = part.forward(value)
            steps.append((part, back))
        if self.shortcut:
            value = value + x
        if self.headed:
            value, head_back = self.parts[-1].forward(value)

        def backward(grad: Array, grads: dict[int, list[Array]]) -> Array:
            def through(part: Leaf | Twin, back: Any, grad: Array) -> Array:
                if isinstance(part, Twin):
                    return back(grad, grads)
                before, by_weight = back(grad)
                known = grads.setdefault(id(part), [np.zeros_like(w) for w in part.weights])
                for total, more in zip(known, by_weight, strict=True):
                    total += more
                return before

            if self.headed:
                grad = through(self.parts[-1], head_back, grad)
            around = grad
            for part, back in reversed(steps):
                grad = through(part, back, grad)
            return grad + around if self.shortcut else grad

        return value, backward

    def train(self, x: Array, y: Array, rate: float, momentum: float) -> float:
        """One step of SGD on the mean squared error; returns the loss before."""
        assert self.velocity is not None
        out, backward = self.forward(x)
        grads: dict[int, list[Array]] = {}
        backward(2 * (out - y) / out.size, grads)
        for leaf, velocity in zip(self.leaves(), self.velocity, strict=True):
            if not leaf.trainable:
                continue
            for weight, speed, grad in zip(leaf.weights, velocity, grads[id(leaf)], strict=True):
                speed *= momentum
                speed -= rate * grad
                weight += speed
        return float(((out - y) ** 2).mean())


class Program:
    """One random program; every check compares all that can be seen."""

    rate, momentum = 0.01, 0.5

    def __init__(self, seed: int, folder: Path) -> None:
        self.rng = np.random.default_rng(seed)
        self.folder = folder
        self.kind = str(self.rng.choice(list(SHAPES)))
        self.shape = SHAPES[self.kind]
        self.pool = [self._leaf(self.kind, int(np.prod(self.shape[-1:]))) for _ in range(3)]
        self.heads = [self._leaf("dense", CLASSES) for _ in range(2)]
        self.twins: list[Twin] = []
        self.log: list[str] = []

    def run(self, length: int) -> None:
        """Makes a model, then does `length` things and checks after each."""
        self.make()
        for _ in range(length):
            name = self.rng.choice(
                [
                    "make",
                    "train",
                    "train",
                    "train",
                    "set_layer",
                    "set_model",
                    "freeze",
                    "load",
                    "drop",
                    "move",
                ]
            )
            self.log.append(str(name))
            getattr(self, str(name))()
            self.check()

    def _leaf(self, kind: str, units: int) -> Leaf:
        name = str(self.rng.choice(["tanh", "linear", "sigmoid"]))
        if kind == "conv":
            return Leaf(layers.Conv2D(units, 3, padding="same", activation=name), kind, name, [])
        return Leaf(layers.Dense(units, activation=name), kind, name, [])

    def _data(self) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        x = self.rng.normal(size=(BATCH, *self.shape)).astype(np.float32)
        return x, self.rng.normal(size=(BATCH, CLASSES)).astype(np.float32)

    def _some(self, twins: list[Twin]) -> Twin | None:
        return twins[self.rng.integers(len(twins))] if twins else None

    def make(self) -> None:
        """A model of some layers and, perhaps, models."""
        bodies: list[Leaf | Twin] = [*self.pool, *(twin for twin in self.twins if not twin.headed)]
        parts = [bodies[i] for i in self.rng.integers(len(bodies), size=self.rng.integers(1, 4))]
        headed, shortcut = bool(self.rng.integers(4)), bool(self.rng.integers(2))
        head = self.heads[self.rng.integers(2)]
        chain = [part.layer if isinstance(part, Leaf) else part.model for part in parts]
        names = [each.name for each in chain]
        if len(set(names)) < len({id(each) for each in chain}):
            return  # a model and what its file became have one name
        if len(set(names)) < len(names) and self.rng.integers(2):
            return  # a layer twice, in a model that could also be a Sequential: not this time
        flat = [layers.Flatten()] if self.kind == "conv" else []
        tail = [*flat, head.layer] if headed else []
        if not shortcut and len(set(names)) == len(names) and self.rng.integers(2):
            model: Any = cnnfast.Sequential([cnnfast.Input(self.shape), *chain, *tail])
        else:
            source = value = cnnfast.Input(self.shape)
            for each in chain:
                value = each(value)
            if shortcut:
                value = layers.add([value, source])
            for each in tail:
                value = each(value)
            model = cnnfast.Model(source, value)
        twin = Twin(model, [*parts, head] if headed else parts, shortcut, headed=headed)
        self.twins.append(twin)
        self._take_initial(twin.leaves())
        if headed and self.rng.integers(4):
            self._compile(twin)

    def _take_initial(self, leaves: list[Leaf]) -> None:
        for leaf in leaves:
            if not leaf.weights:
                leaf.weights = [w.astype(np.float64) for w in leaf.layer.get_weights()]

    def _compile(self, twin: Twin) -> None:
        twin.model.compile(cnnfast.optimizers.SGD(self.rate, self.momentum), "mse")
        twin.velocity = [[np.zeros_like(w) for w in leaf.weights] for leaf in twin.leaves()]

    def train(self) -> None:
        """A step of one that can be trained."""
        twin = self._some([twin for twin in self.twins if twin.headed])
        if twin is None:
            return
        if twin.velocity is None or self.rng.integers(8) == 0:
            self._compile(twin)
        x, y = self._data()
        expected = twin.train(x.astype(np.float64), y.astype(np.float64), self.rate, self.momentum)
        np.testing.assert_allclose(
            twin.model.train_on_batch(x, y), expected, rtol=1e-3, err_msg=str(self.log)
        )

    def _any_leaf(self) -> Leaf | None:
        known = [leaf for twin in self.twins for leaf in twin.leaves()]
        return known[self.rng.integers(len(known))] if known else None

    def set_layer(self) -> None:
        """New weights for a layer, all or its bias alone."""
        leaf = self._any_leaf()
        if leaf is None:
            return
        values = [(0.3 * self.rng.normal(size=w.shape)).astype(np.float32) for w in leaf.weights]
        if self.rng.integers(2):
            leaf.layer.set_weights(values)
            leaf.weights = [v.astype(np.float64) for v in values]
        else:
            leaf.layer.bias.assign(values[1])
            leaf.weights[1] = values[1].astype(np.float64)

    def set_model(self) -> None:
        """New weights for a model."""
        twin = self._some(self.twins)
        if twin is None:
            return
        values = [
            [(0.3 * self.rng.normal(size=w.shape)).astype(np.float32) for w in leaf.weights]
            for leaf in twin.leaves()
        ]
        twin.model.set_weights([value for some in values for value in some])
        for leaf, some in zip(twin.leaves(), values, strict=True):
            leaf.weights = [v.astype(np.float64) for v in some]

    def freeze(self) -> None:
        """A layer, or a model, learns or does not learn from now on."""
        learns = bool(self.rng.integers(2))
        twin = self._some(self.twins)
        leaf = self._any_leaf()
        if twin is None or leaf is None:
            return
        if self.rng.integers(3) == 0:
            twin.model.trainable = learns
            for each in twin.leaves():
                each.trainable = learns
        else:
            leaf.layer.trainable = leaf.trainable = learns

    def load(self) -> None:
        """A model's file becomes a model of its own, which goes on where that one stood."""
        twin = self._some(self.twins)
        if twin is None:
            return
        twin.model.save(self.folder / "model.cnnfast")
        model = cnnfast.models.load_model(self.folder / "model.cnnfast")
        memo = {id(leaf.layer): layer for leaf, layer in zip(twin.leaves(), _owners(model), strict=True)}
        memo[id(twin.model)] = model
        self.twins.append(copy.deepcopy(_without_inner_models(twin), memo))

    def move(self) -> None:
        """One model's weights go to another by a file, where they suit."""
        one, other = self._some(self.twins), self._some(self.twins)
        if one is None or other is None or one is other:
            return
        shapes = [[w.shape for leaf in twin.leaves() for w in leaf.weights] for twin in (one, other)]
        kinds = [[leaf.kind for leaf in twin.leaves()] for twin in (one, other)]
        if shapes[0] != shapes[1] or kinds[0] != kinds[1]:
            return
        one.model.save_weights(self.folder / "weights.safetensors")
        values = [[w.copy() for w in leaf.weights] for leaf in one.leaves()]
        other.model.load_weights(self.folder / "weights.safetensors")
        for leaf, some in zip(other.leaves(), values, strict=True):
            leaf.weights = some

    def drop(self) -> None:
        """A model goes; its layers live on in the others and in the pool."""
        if len(self.twins) > 1:
            self.twins.pop(int(self.rng.integers(len(self.twins))))

    def check(self) -> None:
        """Every model's outputs and weights, and every layer's weights."""
        x = self._data()[0]
        for twin in self.twins:
            out = twin.forward(x.astype(np.float64))[0]
            got = twin.model.predict(x, verbose=0)
            self._close(got, out)
            held = [w for leaf in twin.leaves() for w in leaf.weights]
            for got_weight, weight in zip(twin.model.get_weights(), held, strict=True):
                self._close(got_weight, weight)
            for leaf in twin.leaves():
                for variable, weight in zip(leaf.layer.weights, leaf.weights, strict=True):
                    self._close(variable.numpy(), weight)
                    assert variable.trainable is leaf.trainable

    def _close(self, got: NDArray[np.float32], expected: Array) -> None:
        bound = 2e-4 * max(1.0, float(np.abs(expected).max()))
        assert bound < 1e3, "a program that runs away shows nothing"
        np.testing.assert_allclose(got, expected, rtol=0, atol=bound, err_msg=str(self.log))


def _owners(model: Any) -> list[Any]:
    """The layers with weights, in order, each once."""
    found: list[Any] = []
    for layer in model.layers:
        for each in _owners(layer) if isinstance(layer, (cnnfast.Model, cnnfast.Sequential)) else [layer]:
            if each.weights and all(each is not other for other in found):
                found.append(each)
    return found


def _without_inner_models(twin: Twin) -> Twin:
    """The same with None for the models inside, which a copy would have to find in the loaded one."""
    parts = [_without_inner_models(part) if isinstance(part, Twin) else part for part in twin.parts]
    for part in parts:
        if isinstance(part, Twin):
            part.model = None
    return Twin(twin.model, parts, twin.shortcut, twin.velocity, twin.headed)


def observations(lib: Any, seed: int, length: int = 8) -> list[NDArray[Any]]:
    """What a random program sees in `lib`, which is cnnfast or Keras: one text for both.

    Keras wants `compile` again after a layer was frozen, so that is done.
    """
    rng = np.random.default_rng(seed)
    pool = [lib.layers.Dense(4, activation=str(rng.choice(["tanh", "sigmoid"]))) for _ in range(3)]
    heads = [lib.layers.Dense(CLASSES) for _ in range(2)]
    for layer in (*pool, *heads):
        layer.build((None, 4))
        layer.set_weights([0.5 * rng.normal(size=(4, layer.units)), 0.5 * rng.normal(size=layer.units)])
    models: list[Any] = []
    bodies: list[Any] = []
    stale: set[int] = set()  # models that are to be compiled
    seen: list[NDArray[Any]] = []
    for _ in range(length):
        what = rng.integers(6)
        if what == 0 or not models:
            source = value = lib.Input((4,))
            for part in rng.choice(len(pool) + len(bodies), size=3):
                value = [*pool, *bodies][part](value)
            bodies.append(lib.Model(source, value))
            models.append(lib.Model(source, heads[rng.integers(2)](value)))
            stale.add(len(models) - 1)
        elif what == 1:
            layer = pool[rng.integers(3)]
            layer.set_weights([0.5 * rng.normal(size=(4, 4)), 0.5 * rng.normal(size=4)])
        elif what == 2:
            pool[rng.integers(3)].trainable = bool(rng.integers(2))
            stale = set(range(len(models)))
        else:
            number = int(rng.integers(len(models)))
            if number in stale:
                models[number].compile(lib.optimizers.SGD(0.05, momentum=0.5), "mse")
                stale.remove(number)
            x, y = (rng.normal(size=(BATCH, n)).astype(np.float32) for n in (4, CLASSES))
            seen.append(np.asarray(models[number].train_on_batch(x, y)))
        x = rng.normal(size=(BATCH, 4)).astype(np.float32)
        for model in (*models, *bodies):
            seen.extend([model.predict_on_batch(x), *model.get_weights()])
    return seen
