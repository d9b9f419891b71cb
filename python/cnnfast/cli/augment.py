"""Other views of the same pictures in each epoch, so that a network learns what does not matter."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from cnnfast.callbacks import Callback
from cnnfast.callbacks.callback import Logs
from cnnfast.cli.images import ImageInput, Pixels

if TYPE_CHECKING:
    from cnnfast.layers import Layer

KINDS = ("flip", "shift")

# Of a side, to either direction.
_FARTHEST_SHIFT = 1 / 8
# So many at a time keep what lies between in the caches.
_CHUNK = 256


class Augment(Callback):
    """Fills the array that `fit` reads with new views before each epoch. Equal seeds give equal views.

    Args:
        kinds: of KINDS; "flip" mirrors half of the pictures, left to right, "shift" moves each by up to an
            eighth of its sides, its edge drawn out.
        images: (n, h, w, c), as they are.
        x: what `fit` was given, float32; it is written to.
        wanted: how the model takes pictures.
        seed: what the views follow.
    """

    def __init__(
        self, kinds: Collection[str], images: Pixels, x: NDArray[np.float32], wanted: ImageInput, seed: int
    ) -> None:
        self._kinds, self._images, self._x, self._wanted, self._seed = kinds, images, x, wanted, seed

    def on_epoch_begin(self, epoch: int, logs: Logs | None = None) -> None:
        """Makes the views of this epoch."""
        layers = viewers(self._kinds, self._seed, epoch)
        for start in range(0, len(self._images), _CHUNK):
            part = slice(start, start + _CHUNK)
            self._x[part] = self._wanted.batch(views(self._images[part], layers))


def viewers(kinds: Collection[str], seed: int, epoch: int) -> list[Layer]:
    """The layers that make the views of an epoch.

    Example:
        >>> [layer.name for layer in viewers(["flip"], 0, 0)]
        ['flip']
    """
    from cnnfast.layers import RandomFlip, RandomTranslation

    own = int(np.random.default_rng((seed, epoch)).integers(2**31))
    made: list[Layer] = []
    if "flip" in kinds:
        made.append(RandomFlip("horizontal", own, "channels_last", name="flip"))
    if "shift" in kinds:
        far = (_FARTHEST_SHIFT, _FARTHEST_SHIFT, "nearest", "nearest")
        made.append(RandomTranslation(*far, seed=own, data_format="channels_last", name="shift"))
    return made


def views(images: Pixels, layers: Sequence[Layer]) -> Pixels:
    """A view of each image.

    Example:
        >>> images = np.tile(np.array([[[[0], [1]]]], np.uint8), (99, 1, 1, 1))
        >>> np.unique(views(images, viewers(["flip"], 0, 0))[:, 0, 0, 0]).tolist()
        [0.0, 1.0]
    """
    for layer in layers:
        images = layer(images)
    return images
