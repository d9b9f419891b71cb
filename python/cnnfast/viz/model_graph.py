"""A model as boxes and arrows."""

from typing import TYPE_CHECKING, Any, NamedTuple

from cnnfast.utils.arguments import one_of
from cnnfast.viz._canvas import canvas

if TYPE_CHECKING:
    from matplotlib.figure import FigureBase

    from cnnfast.models.base import BaseModel
    from cnnfast.models.blueprint import Blueprint, Node

_FILL, _FROZEN, _EDGE = "#e8edf2", "#f6e7d8", "#52606d"
_LINE_INCHES, _GAP_INCHES, _BOX_INCHES = 0.2, 0.35, 2.6


class _Box(NamedTuple):
    """Where a use of a layer stands: rows count from the inputs, places from the middle."""

    row: int
    place: float
    sources: tuple[int, ...]


def plot_model(
    model: "BaseModel",
    show_shapes: bool = False,
    show_layer_names: bool = True,
    rankdir: str = "TB",
    show_trainable: bool = False,
    figure: "FigureBase | None" = None,
) -> "FigureBase":
    """Draws a model: a box for each use of a layer, and arrows to where its output goes.

    Args:
        model: The model, built.
        show_shapes: Whether boxes tell the shapes of outputs.
        show_layer_names: Whether they tell the layers' names.
        rankdir: "TB": from the top down; "LR": from left to right.
        show_trainable: Whether layers with weights that training leaves alone are of another colour.
        figure: Where to draw; None makes a new figure.

    Returns:
        The figure.

    Raises:
        ValueError: If the model is not built.
        ImportError: If matplotlib is not installed.

    Example:
        >>> from cnnfast import Sequential, layers
        >>> model = Sequential([layers.Dense(3, input_shape=(4,)), layers.ReLU()])
        >>> figure = plot_model(model, show_layer_names=False)
        >>> [text.get_text() for text in figure.axes[0].texts[:3]]
        ['InputLayer', 'Dense', 'ReLU']
    """
    one_of(rankdir, "rankdir", ("TB", "LR"))
    if not model.built:
        raise ValueError(
            "the model has no shapes yet; call it on a batch, or build(input_shape), before it is drawn"
        )
    plan = model.blueprint
    boxes, labels = _placed(plan), [_label(node, show_shapes, show_layer_names) for node in plan.nodes]
    down = rankdir == "TB"
    rows = 1 + max(box.row for box in boxes)
    wide = 1 + 2 * max(abs(box.place) for box in boxes)
    lines = 1 + show_shapes + show_layer_names
    height = lines * _LINE_INCHES + _GAP_INCHES
    size = (wide * _BOX_INCHES, rows * height) if down else (rows * _BOX_INCHES, wide * height)
    figure = canvas(figure, *size)
    axes = figure.subplots()
    axes.set_axis_off()
    spots = [(box.place, -box.row) if down else (box.row, box.place) for box in boxes]
    axes.set_xlim(min(x for x, _ in spots) - 0.5, max(x for x, _ in spots) + 0.5)
    axes.set_ylim(min(y for _, y in spots) - 0.5, max(y for _, y in spots) + 0.5)
    for node, label, spot in zip(plan.nodes, labels, spots, strict=True):
        frozen = show_trainable and bool(node.layer.weights) and not node.layer.trainable_weights
        style = {"boxstyle": "round,pad=0.35", "facecolor": _FROZEN if frozen else _FILL, "edgecolor": _EDGE}
        axes.text(spot[0], spot[1], label, ha="center", va="center", fontsize=8, bbox=style)
    for box, spot, text in zip(boxes, spots, axes.texts, strict=True):
        for source in box.sources:
            straight = box.row - boxes[source].row == 1
            way: dict[str, Any] = {"arrowstyle": "->", "color": _EDGE, "shrinkA": 0, "shrinkB": 0}
            way |= {"patchA": axes.texts[source].get_bbox_patch(), "patchB": text.get_bbox_patch()}
            way["connectionstyle"] = "arc3" if straight else "arc3,rad=0.3"  # past what lies between
            axes.annotate("", spot, spots[source], arrowprops=way)
    return figure


def _placed(plan: "Blueprint") -> list[_Box]:
    """Each node in the row behind its last source, near the middle of its sources."""
    makers = [number for number, node in enumerate(plan.nodes) for _ in range(len(node.symbols))]
    rows: list[int] = []
    sources: list[tuple[int, ...]] = []
    for node in plan.nodes:
        own = tuple(dict.fromkeys(makers[value] for value in node.sources))
        sources.append(own)
        rows.append(1 + max((rows[each] for each in own), default=-1))
    places = [0.0] * len(rows)
    for row in range(max(rows) + 1):
        members = [number for number, each in enumerate(rows) if each == row]
        members.sort(
            key=lambda number: sum(places[each] for each in sources[number]) / max(1, len(sources[number]))
        )
        for order, number in enumerate(members):
            places[number] = order - (len(members) - 1) / 2
    return [_Box(*each) for each in zip(rows, places, sources, strict=True)]


def _label(node: "Node", show_shapes: bool, show_names: bool) -> str:
    lines = [type(node.layer).__name__]
    if show_names:
        lines.append(node.layer.name)
    if show_shapes:
        lines.append(", ".join(str(symbol.shape) for symbol in node.symbols))
    return "\n".join(lines)
