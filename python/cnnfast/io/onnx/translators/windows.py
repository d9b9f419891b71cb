"""What convolutions and poolings have in common: where their windows are."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cnnfast.io.onnx.node import Node, OpenSizeError, rank
from cnnfast.models.errors import ModelFileError

Pairs = tuple[tuple[int, int], ...]


class Window:
    """Size, steps, dilation and padding of a node's window, an entry for each spatial axis.

    Args:
        node: The node.
        x: What it slides over.
        size: The window's size; None where an attribute tells it.
    """

    def __init__(self, node: Node, x: Any, size: Sequence[int] | None = None) -> None:
        self.rank = rank(x) - 2
        if self.rank not in (1, 2, 3):
            raise ModelFileError(f"its input must have 3 to 5 axes, got {rank(x)}")
        self.size = tuple(node.get("kernel_shape", size))
        self.strides = tuple(node.get("strides", (1,) * self.rank))
        self.dilation = tuple(node.get("dilations", (1,) * self.rank))
        self.reach = [(k - 1) * d + 1 for k, d in zip(self.size, self.dilation, strict=True)]
        self._sizes = [shape[2:] for shape in node.shapes(x)]
        self.padding = self._padding(node)

    @property
    def sides(self) -> Pairs:
        """The padding as (before, after) of each axis, which has no name where the input's size is known."""
        return self._same(False) if isinstance(self.padding, str) else self.padding

    def _padding(self, node: Node) -> str | Pairs:
        named = node.get("auto_pad", "NOTSET")
        if named == "SAME_UPPER" and node.op != "LpPool":
            return "same"
        if named in ("SAME_UPPER", "SAME_LOWER"):
            return self._same(named == "SAME_LOWER")
        pads = [0] * 2 * self.rank if named == "VALID" else node.get("pads", [0] * 2 * self.rank)
        return pairs(pads)

    def _same(self, lower: bool) -> Pairs:
        """As wide as keeps the size, divided by the stride: which is the same for all sizes without one."""
        made = []
        for axis, (stride, reach) in enumerate(zip(self.strides, self.reach, strict=True)):
            sizes = {each[axis] for each in self._sizes}
            if len(sizes) > 1 and stride > 1:
                raise OpenSizeError("its padding depends on the size of its input")
            size = sizes.pop()
            total = max(0, (-(-size // stride) - 1) * stride + reach - size)
            less, more = total // 2, total - total // 2
            made.append((more, less) if lower else (less, more))
        return tuple(made)


def pairs(pads: Sequence[int]) -> Pairs:
    """Returns ONNX's pads, first all at the beginnings, as (before, after) of each axis.

    Example:
        >>> pairs([1, 2, 3, 4])
        ((1, 3), (2, 4))
    """
    count = len(pads) // 2
    return tuple((int(a), int(b)) for a, b in zip(pads[:count], pads[count:], strict=True))
