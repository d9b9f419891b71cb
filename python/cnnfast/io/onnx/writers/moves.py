"""Numbers at other places and under other shapes. Axes are those of a sample, the batch's is before them."""

from __future__ import annotations

from typing import Any

from cnnfast.io.onnx.exporting import Export, writes
from cnnfast.io.onnx.writers.layers import on_channels_first

_PAD_MODES = {"constant": "constant", "reflect": "reflect", "replicate": "edge", "circular": "wrap"}
_BEFORE_ALL = -(2**31)  # an end that lies before the first


def _with_batch(to: Export, src: int, entries: Any, of_batch: Any) -> list[Any]:
    return [*[of_batch] * to.batched(src), *entries]


@writes("reshape")
def reshape(to: Export, made: int, src: int, shape: Any, rows: int, name: str) -> str:
    """0 keeps the batch's size, -1 follows from the others."""
    same = rows == to.rows(src)
    lead = [] if rows == 0 else [0] if same else [-1]
    return to.add_node("Reshape", [to.name_of(src), to.integers([*lead, *shape], name)], name)


@writes("flatten")
def flatten(to: Export, made: int, src: int, data_format: str, name: str) -> str:
    """One axis of all; channels count last, wherever they stand."""
    x, rank = to.name_of(src), len(to.shape(src)) + 1
    if data_format == "channels_first" and rank > 2:
        x = to.add_node("Transpose", [x], f"{name}/last", perm=[0, *range(2, rank), 1])
    return to.add_node("Flatten", [x], name, axis=1)


@writes("permute")
def permute(to: Export, made: int, src: int, order: Any, name: str) -> str:
    """The axes in another order."""
    lead = to.batched(src)
    return to.add_node(
        "Transpose", [to.name_of(src)], name, perm=[*range(lead), *(each + lead for each in order)]
    )


@writes("concatenate")
def concatenate(to: Export, made: int, srcs: Any, axis: int, name: str) -> str:
    """One behind the other along an axis."""
    given, rank = [to.name_of(each) for each in srcs], len(to.shape(srcs[0])) + 1
    if axis == rank - 2 and all(each in to.first for each in given):
        joined = to.add_node("Concat", [to.first[each] for each in given], f"{name}/channels_first", axis=1)
        return to.turned_back(joined, name, rank)
    return to.add_node("Concat", given, name, axis=axis + to.batched(srcs[0]))


@writes("pad")
def pad(to: Export, made: int, src: int, sides: Any, mode: str, value: float, name: str) -> str:
    """Borders."""
    every = _with_batch(to, src, sides, (0, 0))
    pads = to.integers([before for before, _ in every] + [after for _, after in every], name)
    given = [to.name_of(src), pads]
    if mode == "constant":
        given.append(to.constant_of(value, f"{name}/value"))
    return to.add_node("Pad", given, name, mode=_PAD_MODES[mode])


@writes("slice")
def slice_(to: Export, made: int, src: int, ranges: Any, name: str) -> str:
    """Ranges of (begin, step, count)."""
    moved = [
        (axis + to.batched(src), begin, step, begin + step * count)
        for axis, (begin, step, count) in enumerate(ranges)
        if (begin, step, count) != (0, 1, to.shape(src)[axis])
    ]
    axes, begins, steps, ends = zip(*moved, strict=True) if moved else ((), (), (), ())
    bounds = [_BEFORE_ALL if end < 0 else end for end in ends]
    numbers = [to.integers(each, name) for each in (begins, bounds, axes, steps)]
    return to.add_node("Slice", [to.name_of(src), *numbers], name)


@writes("tile")
def tile(to: Export, made: int, src: int, times: Any, name: str) -> str:
    """The whole several times."""
    return to.add_node("Tile", [to.name_of(src), to.integers(_with_batch(to, src, times, 1), name)], name)


@writes("repeat")
def repeat(to: Export, made: int, src: int, times: Any, name: str) -> str:
    """Each cell several times: what the nearest neighbour of a larger image is."""
    scales = to.constant_of(_with_batch(to, src, times, 1), f"{name}/scales")
    told = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
    return to.add_node("Resize", [to.name_of(src), "", scales], name, **told)


@writes("depth_to_space")
def depth_to_space(
    to: Export, made: int, src: int, block: int, data_format: str, name: str, order: str = "DCR"
) -> str:
    """Blocks of channels become squares."""
    return on_channels_first(
        to, src, data_format, name,
        lambda x, n: to.add_node("DepthToSpace", [x], n, blocksize=block, mode=order),
    )  # fmt: skip


@writes("space_to_depth")
def space_to_depth(
    to: Export, made: int, src: int, block: int, data_format: str, name: str, order: str = "DCR"
) -> str:
    """Squares become blocks of channels."""
    if order != "DCR":
        raise NotImplementedError(f"{name}: the order {order} of SpaceToDepth cannot be exported")
    return on_channels_first(
        to, src, data_format, name, lambda x, n: to.add_node("SpaceToDepth", [x], n, blocksize=block)
    )
