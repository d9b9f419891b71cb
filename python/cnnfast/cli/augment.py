"""Other views of the same pictures in each epoch, so that a network learns what does not matter."""

from collections.abc import Collection

import numpy as np
from numpy.typing import NDArray

from cnnfast.callbacks import Callback
from cnnfast.callbacks.callback import Logs
from cnnfast.cli.images import ImageInput, Pixels

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
        rng = np.random.default_rng((self._seed, epoch))
        for start in range(0, len(self._images), _CHUNK):
            part = slice(start, start + _CHUNK)
            self._x[part] = self._wanted.batch(views(self._images[part], self._kinds, rng))


def views(images: Pixels, kinds: Collection[str], rng: np.random.Generator) -> Pixels:
    """A view of each image.

    Example:
        >>> images = np.tile(np.array([[[[0], [1]]]], np.uint8), (99, 1, 1, 1))
        >>> np.unique(views(images, ["flip"], np.random.default_rng(0))[:, 0, 0, 0]).tolist()
        [0, 1]
    """
    if "flip" in kinds:
        mirrored = rng.random(len(images)) < 0.5
        images = np.where(mirrored[:, None, None, None], images[:, :, ::-1], images)
    if "shift" in kinds:
        count, height, width, _ = images.shape
        far = [max(1, round(side * _FARTHEST_SHIFT)) for side in (height, width)]
        top, left = (rng.integers(0, 2 * most + 1, count) for most in far)
        wide = np.pad(images, ((0, 0), *((most, most) for most in far), (0, 0)), "edge")
        windows = np.lib.stride_tricks.sliding_window_view(wide, (height, width), (1, 2))
        images = np.moveaxis(windows[np.arange(count), top, left], 1, -1)
    return images
