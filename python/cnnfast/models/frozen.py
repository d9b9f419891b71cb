"""The frozen prefix of a model: what training cannot change is computed once, and kept over epochs.

A node is frozen if it reads inputs and frozen nodes only, trains no weight, and does in training what it does
in prediction, to each sample by itself. `fit` runs such a prefix as a network of its own, a whole batch at a
time, whether its activations are kept or not: so weights do not depend on that, to the last bit.
"""

from __future__ import annotations

import shutil
import tempfile
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.layers.tracing import Tracing
from cnnfast.models.blueprint import Blueprint
from cnnfast.models.data import Data
from cnnfast.models.feeds import ArrayFeed, Batches
from cnnfast.utils.memory import free_bytes

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.layers.layer import Layer
    from cnnfast.layers.symbolic import SymbolicTensor
    from cnnfast.layers.tracing import Value
    from cnnfast.layers.variable import Variable
    from cnnfast.models.blueprint import Node
    from cnnfast.models.feeds import Feed, Order
    from cnnfast.models.networks import Networks, Planned

# What "auto" weighs: a typical core's multiply-adds a second, and bytes a second from memory and from a file.
_MULTIPLY_ADDS, _MEMORY, _FILE = 2e10, 5e9, 5e8
MEMORY_LIMIT = 4 << 30  # bytes; what needs more lies in a file


@dataclass(frozen=True)
class Split:
    """A model in two parts.

    Attributes:
        prefix: From the inputs to what is frozen and read by others.
        head: From there, and from inputs that others read, to the outputs.
        borders: For each input of the head, which output of the prefix it is, or ~ which of its inputs.
        variables: The prefix's weights.
        multiply_adds: The prefix's, for one sample.
    """

    prefix: Blueprint
    head: Blueprint
    borders: tuple[int, ...]
    variables: tuple[Variable, ...]
    multiply_adds: int

    @property
    def is_thawed(self) -> bool:
        """Whether training would change a weight by now."""
        return any(variable.trainable for variable in self.variables)

    def mark(self) -> int:
        """Returns a number that changes with the weights."""
        mark = 0
        for variable in self.variables:
            mark = zlib.crc32(variable.numpy().tobytes(), mark)
        return mark


def checked_choice(cache: Any) -> None:
    """Checks the argument `cache_frozen`.

    Raises:
        ValueError: If it is none of the choices.
    """
    if cache not in (True, False, "auto"):
        raise ValueError(f'cache_frozen must be True, False or "auto", got {cache!r}')


def split_of(plan: Blueprint) -> Split | None:
    """Returns a model in two parts, if it begins with a frozen one that takes time."""
    if not plan.fixed or any(None in source.shape[1:] for source in plan.sources):
        return None
    if not any(node.layer.weights and not node.layer.trainable_weights for node in plan.nodes):
        return None
    frozen = _frozen_values(plan)
    done = [node for node, is_frozen in frozen if is_frozen]
    made = {(id(node.call), symbol.place) for node in done for symbol in node.symbols}
    work = sum(node.multiply_adds for node in done)
    if work == 0 or any((id(target.call), target.place) in made for target in plan.targets):
        return None
    begins = {(id(source.call), source.place): i for i, source in enumerate(plan.sources)}
    borders: dict[tuple[int, int], SymbolicTensor] = {}
    for node, is_frozen in frozen:
        for symbol in () if is_frozen else node.call.sources:
            key = id(symbol.call), symbol.place
            if key in made or key in begins:
                borders[key] = symbol
    outputs = [key for key in borders if key in made]
    numbers = tuple(outputs.index(key) if key in made else ~begins[key] for key in borders)
    return Split(
        Blueprint(plan.inputs, [borders[key] for key in outputs]),
        Blueprint(list(borders.values()), plan.outputs),
        numbers,
        tuple({id(each): each for node in done for each in node.layer.weights}.values()),
        work,
    )


def _frozen_values(plan: Blueprint) -> list[tuple[Node, bool]]:
    """The nodes behind the inputs, and whether they are frozen."""
    graph = Tracing(training=True)
    values: list[Value] = []
    stays: list[bool] = []  # of values
    found: list[tuple[Node, bool]] = []
    for shape, name in zip(plan.shapes, plan.input_names, strict=True):
        values.append(graph.value(graph.input(shape, name)))
        stays.append(True)
    for node in plan.nodes[len(plan.sources) :]:
        graph.asked_training = graph.draws = graph.draws_by_own_seed = False
        first, losses, changes = graph.size, len(graph.losses), graph.changes
        made = plan._traced_call(graph, node.call, values)
        is_frozen = (
            all(stays[place] for place in node.sources)
            and not node.layer.trainable_weights
            and not (graph.asked_training or graph.draws or graph.draws_by_own_seed)
            and (len(graph.losses), graph.changes) == (losses, changes)
            and not any(_mixes_or_draws(graph, number) for number in range(first, graph.size))
            and all(_keeps_statistics(leaf) for leaf in node.layer._leaves())
        )
        values.extend(made)
        stays.extend([is_frozen] * len(made))
        found.append((node, is_frozen))
    return found


def _mixes_or_draws(graph: Tracing, number: int) -> bool:
    """Whether a value may be another one beside other samples or in another step; who knows of Python's."""
    maker = graph.maker(number)
    return maker in ("dropout", "host") or (maker == "reduce" and graph.rows(number) == 0)


def _keeps_statistics(layer: Layer) -> bool:
    """Whether it is no batch normalization that goes by the batch's statistics for want of weights."""
    from cnnfast.layers.batch_normalization import BatchNormalization

    return not isinstance(layer, BatchNormalization) or layer.scale or layer.center


class FrozenFeed:
    """Samples in memory, for a model whose prefix is frozen; batches are the head's.

    Args:
        data: The samples.
        batch: How many are a batch.
        steps: How many batches are an epoch; None for all.
        split: The model.
        networks: Its networks.
        whole: What makes batches of the same samples for the whole model, should its prefix be thawed.
        passes: How often the samples will be read.
        cache: Whether activations are kept; "auto": if that saves time, and there is room.

    Raises:
        ValueError: If they are to be kept, and there is no room.
    """

    def __init__(
        self,
        data: Data,
        batch: int,
        steps: int | None,
        split: Split,
        networks: Networks,
        whole: Feed,
        passes: int,
        cache: Any,
    ) -> None:
        self._data, self._batch, self._split, self._whole = data, min(batch, len(data)), split, whole
        self._prefix = networks.part(split.prefix, trained=False).predicting(split.prefix.shapes)
        head = networks.part(split.head, trained=True)
        # No method: what is kept would hold this feed, and all of its arrays until the collector comes.
        self._planned: Callable[[Data], Planned] = lambda data: head.training(data.shapes, data.forms)
        self._steps, self.steps = steps, whole.steps
        self._keep = _store(split, len(data), passes, cache)
        self._kept: tuple[int, ArrayFeed] | None = None

    def epoch(self, order: Order | None) -> Iterator[Batches]:
        """Yields the batches of one epoch."""
        if self._split.is_thawed:
            return self._whole.epoch(order)
        return self._computed(order) if self._keep is None else self._cached(self._keep).epoch(order)

    def _cached(self, keep: Store) -> ArrayFeed:
        mark = self._split.mark()  # whoever sets weights between epochs has them computed anew
        if self._kept is None or self._kept[0] != mark:
            count = len(self._data)
            arrays = [keep(shape) for shape in _shapes(self._split, count)]
            for start in range(0, count, self._batch):
                rows = slice(start, start + self._batch)
                made = self._activations([array[rows] for array in self._data.samples])
                for array, some in zip(arrays, made, strict=True):
                    array[rows] = some
            data = self._head_data(self._data, arrays)
            self._kept = mark, ArrayFeed(data, self._batch, self._steps, self._planned)
        return self._kept[1]

    def _computed(self, order: Order | None) -> Iterator[Batches]:
        index = np.arange(len(self._data)) if order is None else order(len(self._data))
        for start in range(0, (self.steps or 0) * self._batch, self._batch):
            rows = index[start : start + self._batch]
            part = self._data.rows(rows)
            data = self._head_data(part, self._activations(part.samples))
            yield Batches(self._planned(data), data.arrays, None, len(rows))

    def _activations(self, samples: list[NDArray[Any]]) -> list[NDArray[Any]]:
        """Of up to a batch: the program is that of a whole one, so that no sample's depend on the others."""
        count, missing = len(samples[0]), self._batch - len(samples[0])
        if missing:
            samples = [np.concatenate([each, each[-1:].repeat(missing, 0)]) for each in samples]
        made = self._prefix.predict([np.ascontiguousarray(each) for each in samples])
        return [each[:count] for each in made]

    def _head_data(self, data: Data, activations: list[NDArray[Any]]) -> Data:
        samples = [data.samples[~at] if at < 0 else activations[at] for at in self._split.borders]
        return Data(samples, data.targets, data.weights, data.forms)


Store = Callable[[tuple[int, ...]], "NDArray[np.float32]"]


def _shapes(split: Split, count: int) -> list[tuple[int, ...]]:
    return [(count, *target.examples[0]) for target in split.prefix.targets]


def _store(split: Split, count: int, passes: int, cache: Any) -> Store | None:
    """What makes the arrays that activations are kept in; None: they are not kept."""
    size = sum(4 * int(np.prod(shape, dtype=np.int64)) for shape in _shapes(split, count))
    in_memory = size <= min(MEMORY_LIMIT, free_bytes() // 4)
    computing = split.multiply_adds * count / _MULTIPLY_ADDS
    reading = size / (_MEMORY if in_memory else _FILE)
    pays = (passes - 1) * computing > (passes + 1) * reading
    if cache is False or (cache == "auto" and not pays):
        return None
    folder = tempfile.gettempdir()
    free = shutil.disk_usage(folder).free
    if in_memory or size < free // 2:
        return _in_memory if in_memory else _in_file
    if cache == "auto":
        return None
    raise ValueError(
        f"cache_frozen=True needs {size / 1e9:.1f} GB for the frozen layers' activations, and takes at most "
        f"half of the {free / 1e9:.1f} GB free in {folder}; set TMPDIR to a larger place, or leave it out"
    )


def _in_memory(shape: tuple[int, ...]) -> NDArray[np.float32]:
    return np.empty(shape, np.float32)


def _in_file(shape: tuple[int, ...]) -> NDArray[np.float32]:
    """In a file without a name, which goes with the array."""
    with tempfile.TemporaryFile() as file:
        return np.asarray(np.memmap(file, np.float32, "w+", shape=shape))
