"""How an array lies in a file of another library, and where its numbers go here.

PyTorch has kernels as (out, in, height, width) and dense ones as (out, in); here and in Keras they are
(height, width, in, out) and (in, out). Behind a flatten of pictures PyTorch counts channel by channel, we
pixel by pixel.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from cnnfast.layers import Dense, Flatten, LayerScale, PReLU, Reshape
from cnnfast.layers.depthwise_convolution import DepthwiseConvolution
from cnnfast.layers.tracing import Tracing, Value
from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.layers.layer import Layer
    from cnnfast.models.base import BaseModel
    from cnnfast.models.blueprint import Blueprint

Shape = tuple[int, ...]

# At a time, since NumPy writes a turned array number by number, each to another page: VGG-16's first dense
# kernel takes 5.3 s at once, 1.0 s like this (Zen 5, 2026-11).
_ROWS = 128


class Layout(NamedTuple):
    """One way in which a weight may lie in a file.

    Attributes:
        shape: The array's shape there.
        place: Makes the weight of it.
        turns: Whether the array's first axis becomes the last; any part of it can then be placed alone.
    """

    shape: Shape
    place: Callable[[NDArray[Any]], NDArray[Any]]
    turns: bool = False

    def weight(self, array: NDArray[Any]) -> NDArray[np.float32]:
        """Returns the weight that an array of this shape holds."""
        if not self.turns:
            return np.asarray(self.place(array), np.float32, order="C")
        first = self.place(array[:_ROWS])
        made = np.empty((*first.shape[:-1], len(array)), np.float32)
        for begin in range(0, len(array), _ROWS):
            made[..., begin : begin + _ROWS] = self.place(array[begin : begin + _ROWS])
        return made


def layout_for(
    layer: Layer, shape: Shape, torch: bool, picture: Shape | None, stored: Shape
) -> Layout | None:
    """Returns how a weight lies in an array of a file; None if it cannot be that.

    Args:
        layer: The weight's layer.
        shape: The weight's shape.
        torch: Whether the file has PyTorch's layouts, or Keras's, which are ours.
        picture: Height, width and channels of the pictures that were flattened into the layer's input; None
            if none were.
        stored: The array's shape.

    Example:
        >>> layout_for(Dense(2), (3, 2), True, None, (2, 3)).place(np.zeros((2, 3))).shape
        (3, 2)
    """
    known = _torch_layouts(layer, shape, picture) if torch else [_as_it_is(shape)]
    return next((layout for layout in known if layout.shape == stored), None)


def torch_layout(layer: Layer, shape: Shape, picture: Shape | None) -> Layout:
    """Returns how PyTorch has a weight.

    Args:
        layer: The weight's layer.
        shape: The weight's shape.
        picture: As in `layout_for`.

    Example:
        >>> torch_layout(Dense(2), (3, 2), None).shape
        (2, 3)
    """
    known = _torch_layouts(layer, shape, picture)
    if isinstance(layer, PReLU):  # one slope a channel, without axes
        return known[-1]
    return known[2] if isinstance(layer, LayerScale) else known[0]  # torchvision's has (channels, 1, 1)


def _as_it_is(shape: Shape, stored: Shape | None = None) -> Layout:
    return Layout(shape if stored is None else stored, lambda array: array.reshape(shape))


def _torch_layouts(layer: Layer, shape: Shape, picture: Shape | None) -> list[Layout]:
    if isinstance(layer, Dense) and len(shape) == 2:
        return _dense(shape, picture)
    if len(shape) >= 3 and isinstance(layer, DepthwiseConvolution):
        return [_depthwise(shape)]
    if len(shape) >= 3 and hasattr(layer, "kernel_size"):
        return _kernel(shape)
    if picture is not None and shape == (math.prod(picture),):
        return [Layout(shape, lambda array: _by_pixel(array, picture).reshape(shape))]
    ones = [(*shape, *(1,) * count) for count in (1, 2, 3)] if len(shape) == 1 else []
    return [_as_it_is(shape, stored) for stored in (shape, *ones, (math.prod(shape),))]


def _by_pixel(array: NDArray[Any], picture: Shape) -> NDArray[Any]:
    """The last axis, which counts channel by channel, as (height, width, channels)."""
    split = array.reshape(*array.shape[:-1], picture[-1], *picture[:-1])
    return np.moveaxis(split, array.ndim - 1, -1)


def _dense(shape: Shape, picture: Shape | None) -> list[Layout]:
    inputs, outputs = shape

    def place(array: NDArray[Any]) -> NDArray[Any]:
        rows = array.reshape(-1, inputs)
        return (rows if picture is None else _by_pixel(rows, picture).reshape(-1, inputs)).T

    stored = [(outputs, inputs), (outputs, inputs, 1, 1)]
    if picture is not None:  # a convolution whose window is the picture
        stored.append((outputs, picture[-1], *picture[:-1]))
    return [Layout(each, place, turns=True) for each in stored]


def _depthwise(shape: Shape) -> Layout:
    *window, channels, multiplier = shape

    def place(array: NDArray[Any]) -> NDArray[Any]:
        return np.moveaxis(array.reshape(channels, multiplier, *window), (0, 1), (-2, -1))

    return Layout((channels * multiplier, 1, *window), place)


def _kernel(shape: Shape) -> list[Layout]:
    """Of convolutions (out, in, ...), of transposed ones (in, out, ...), which Keras turns as well."""
    *window, second, first = shape

    def place(array: NDArray[Any]) -> NDArray[Any]:
        return np.moveaxis(array.reshape(-1, second, *window), (1, 0), (-2, -1))

    stored = [(first, second, *window)]
    if math.prod(window) == 1:  # a dense layer at each pixel
        stored.append((first, second))
    return [Layout(each, place, turns=True) for each in stored]


def flattened_pictures(model: BaseModel) -> dict[int, Shape]:
    """Returns (height, width, channels) of the pictures behind layers' inputs that count them pixel by pixel.

    Args:
        model: The model. Where it defines `call`, a flatten is seen if it is a layer.

    Returns:
        By `id` of the layer.

    Example:
        >>> from cnnfast import Sequential
        >>> model = Sequential([Flatten(input_shape=(4, 5, 3)), Dense(2)])
        >>> flattened_pictures(model) == {id(model.layers[-1]): (4, 5, 3)}
        True
    """
    from cnnfast.models.base import BaseModel

    found: dict[int, Shape] = {}
    for layer in model.layers:
        if isinstance(layer, BaseModel) and layer.built:
            found |= flattened_pictures(layer)
    return found | _in_uses(_uses(model.blueprint))


class _Use(NamedTuple):
    """A layer that took one value and made one, each with its number and the shape of a sample."""

    layer: Layer
    taken: int
    taken_shape: Shape
    made: int
    made_shape: Shape


def _uses(plan: Blueprint) -> list[_Use]:
    from cnnfast.models.called import CalledBlueprint

    if isinstance(plan, CalledBlueprint):
        graph = _Watching()
        plan.trace(graph, [graph.value(graph.input(shape, f"x{k}")) for k, shape in enumerate(plan.shapes)])
        return graph.uses
    uses: list[_Use] = []
    shapes: list[Shape] = []  # of values
    for node in plan.nodes:
        if len(node.sources) == len(node.symbols) == 1:
            taken = node.sources[0]
            uses.append(_Use(node.layer, taken, shapes[taken], len(shapes), node.shape))
        shapes.extend([node.shape] * len(node.symbols))
    return uses


class _Watching(Tracing):
    """A graph that notes what the layers that are called take."""

    def __init__(self) -> None:
        super().__init__()
        self.uses: list[_Use] = []

    def call(self, layer: Layer, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        made = super().call(layer, args, kwargs)
        taken = [each for each in leaves(args) if isinstance(each, Value)]
        if len(taken) == 1 and isinstance(made, Value):
            self.uses.append(_Use(layer, taken[0].number, taken[0].dims, made.number, made.dims))
        return made


def _in_uses(uses: list[_Use]) -> dict[int, Shape]:
    pictures: dict[int, Shape] = {}  # of values that are vectors
    found: dict[int, Shape] = {}
    first = False  # whether channels come first, as the last layer told that has to know
    for use in uses:
        flattens = isinstance(use.layer, (Flatten, Reshape))
        if flattens and len(use.taken_shape) > len(use.made_shape) == 1:
            moves = getattr(use.layer, "data_format", None) == "channels_first"
            if not first and not moves:
                pictures[use.made] = use.taken_shape
            elif moves:  # or it counts channel by channel, as PyTorch does
                pictures[use.made] = (*use.taken_shape[1:], use.taken_shape[0])
        elif use.taken in pictures:
            found[id(use.layer)] = pictures[use.taken]
            if not isinstance(use.layer, Dense) and use.made_shape == use.taken_shape:
                pictures[use.made] = pictures[use.taken]
        if not flattens:
            first = getattr(use.layer, "data_format", "channels_first" if first else "") == "channels_first"
    return found
