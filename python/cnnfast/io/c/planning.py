"""What of a recording becomes one loop, and where in the arena each value lies while it is needed."""

from __future__ import annotations

from typing import NamedTuple

from cnnfast.io.c.recording import Recording

LEAVES = ("input", "weight", "constant")
_ALIGNED = 16  # numbers: 64 bytes


class Buffer(NamedTuple):
    """A place in the arena.

    Attributes:
        numbers: How many it has.
        begin: The place of the first operation that needs it, among those that are written.
        end: That of the last.
    """

    numbers: int
    begin: int
    end: int


class Plan:
    """What is written, in order, and where values lie.

    Args:
        graph: The recording.
        outputs: The values wanted.

    Attributes:
        order: The numbers of values that are written one after the other.
        fused: Those that are computed within the loop of their one reader.
        offsets: Where others lie in the arena.
        size: How many numbers the arena has.
    """

    def __init__(self, graph: Recording, outputs: list[int]) -> None:
        self.graph = graph
        needed = self._needed(outputs)
        made = [n for n in needed if not self.is_alias(n) and graph.steps[n].method not in LEAVES]
        readers: dict[int, list[tuple[int, int]]] = {}  # of what aliases stand for: who, and by which number
        for number in made:
            for source in graph.steps[number].sources:
                readers.setdefault(self.root(source), []).append((number, source))
        results = {self.root(each) for each in outputs}
        self.fused = {n for n in made if n not in results and self._is_fused(n, readers.get(n, []))}
        self.order = [number for number in made if number not in self.fused]
        self.size, self.offsets = self._placed(results)

    def root(self, number: int) -> int:
        """Returns the value whose numbers these are."""
        while self.is_alias(number):
            number = self.graph.steps[number].sources[0]
        return number

    def is_alias(self, number: int) -> bool:
        """Returns whether a value is its source's numbers under another shape or name."""
        step = self.graph.steps[number]
        if step.method == "flatten":
            return step.args[1] == "channels_last" or len(self.graph.shape(step.args[0])) < 2
        return step.method in ("reshape", "dropout", "stop_gradient") or (
            step.method == "activation" and step.args[1] == "linear"
        )

    def is_elementwise(self, number: int) -> bool:
        """Returns whether each number of a value follows from single numbers of its sources."""
        step = self.graph.steps[number]
        return step.method in ("formula", "add", "batch_norm") or (
            step.method == "activation" and step.args[1] not in ("softmax", "linear")
        )

    def reads(self, number: int) -> list[int]:
        """Returns the values in memory that a loop for a value reads, as it calls them."""
        found = []
        for source in self.graph.steps[number].sources:
            root = self.root(source)
            found += self.reads(root) if root in self.fused else [source]
        return found

    def _needed(self, outputs: list[int]) -> list[int]:
        needed, waiting = set(), list(outputs)
        while waiting:
            number = waiting.pop()
            if number in needed:
                continue
            needed.add(number)
            waiting += self.graph.steps[number].sources
        return sorted(needed)

    def _is_fused(self, number: int, readers: list[tuple[int, int]]) -> bool:
        if len(readers) != 1 or not self.is_elementwise(number):
            return False
        (reader, read), whole = readers[0], self.graph.whole(number)
        return self.is_elementwise(reader) and self.graph.whole(read) == whole == self.graph.whole(reader)

    def _placed(self, results: set[int]) -> tuple[int, dict[int, int]]:
        last = {self.root(each): place for place, n in enumerate(self.order) for each in self.reads(n)}
        last.update(dict.fromkeys(results, len(self.order)))
        buffers: list[Buffer] = []
        of: dict[int, int] = {}
        for place, number in enumerate(self.order):
            end = last.get(number, place)
            over = self._dies_here(number, place, last, of)
            if over is None:
                of[number] = len(buffers)
                buffers.append(Buffer(self.graph.count(number), place, end))
            else:
                of[number] = of[over]
                buffers[of[over]] = buffers[of[over]]._replace(end=end)
        size, offsets = packed(buffers)
        return size, {number: offsets[buffer] for number, buffer in of.items()}

    def _dies_here(self, number: int, place: int, last: dict[int, int], of: dict[int, int]) -> int | None:
        """A value that the loop may write over: read at the same places only, and nowhere later."""
        if not self.is_elementwise(number):
            return None
        reads, whole = self.reads(number), self.graph.whole(number)
        for source in reads:
            root = self.root(source)
            same = all(self.graph.whole(each) == whole for each in reads if self.root(each) == root)
            if root in of and last[root] == place and same:
                return root
        return None


def packed(buffers: list[Buffer]) -> tuple[int, list[int]]:
    """Returns how many numbers they take together and where each begins; the largest are placed first.

    Example:
        >>> packed([Buffer(32, 0, 1), Buffer(16, 1, 2), Buffer(32, 2, 3)])
        (48, [0, 32, 0])
    """
    offsets = [0] * len(buffers)
    placed: list[int] = []
    for index in sorted(range(len(buffers)), key=lambda i: -buffers[i].numbers):
        one, offset = buffers[index], 0
        beside = [i for i in placed if buffers[i].begin <= one.end and one.begin <= buffers[i].end]
        for i in sorted(beside, key=lambda i: offsets[i]):
            if offset + one.numbers <= offsets[i]:
                break
            offset = max(offset, -(-(offsets[i] + buffers[i].numbers) // _ALIGNED) * _ALIGNED)
        offsets[index] = offset
        placed.append(index)
    return max((o + b.numbers for o, b in zip(offsets, buffers, strict=True)), default=0), offsets
