"""The order of a model's layers: Keras's, in which weights are listed and files of others have them."""

from __future__ import annotations

from collections.abc import Sequence


def layer_order(layers: Sequence[int], sources: Sequence[Sequence[int]], targets: Sequence[int]) -> list[int]:
    """Returns the layers, those furthest from the outputs first; of equals what is met first from there.

    Args:
        layers: The layer of each node, by its number; nodes stand behind their sources.
        sources: The nodes that each node reads.
        targets: The nodes that make the outputs.

    Source:
        Keras 3, `keras.Model.layers`.

    Example:
        >>> layer_order([10, 11, 12, 13], [[], [0], [0], [1, 2]], [3])
        [10, 11, 12, 13]
    """
    met = _met(layers, sources, targets)
    node_depths, layer_depths = [0] * len(layers), dict.fromkeys(layers, 0)
    for node in reversed(range(len(layers))):
        depth = max(node_depths[node], layer_depths[layers[node]])
        node_depths[node] = layer_depths[layers[node]] = depth
        for source in sources[node]:
            node_depths[source] = max(node_depths[source], depth + 1)
    return sorted(layer_depths, key=lambda layer: (-layer_depths[layer], met.get(layer, -1)))


def _met(layers: Sequence[int], sources: Sequence[Sequence[int]], targets: Sequence[int]) -> dict[int, int]:
    """When each layer is met on the way from the outputs, each node's sources in order."""
    met: dict[int, int] = {}
    seen: set[int] = set()
    todo = [*reversed(targets)]
    while todo:
        node = todo.pop()
        if node not in seen:
            seen.add(node)
            met.setdefault(layers[node], len(met))
            todo.extend(reversed(sources[node]))
    return met
