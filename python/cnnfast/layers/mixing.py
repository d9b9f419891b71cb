"""Images of a batch mixed with each other, and their labels with them.

A network keeps samples apart, so these layers work on arrays: on batches before they are handed to a model.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.config import next_seed
from cnnfast.layers.augmentation import Augmentation, factor_range
from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Value
from cnnfast.utils.arguments import real_number
from cnnfast.utils.samples import as_array

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from typing_extensions import Unpack

    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config

    Floats = NDArray[np.float32]


class _Mixing(Augmentation):
    """What takes images, or a dict with "images" and, as vectors, "labels"."""

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Mixes the images of a batch unless training=False, and the labels if there are some."""
        data = args[0] if args else kwargs.get("inputs")
        images = data["images"] if isinstance(data, dict) else data
        if isinstance(images, (Value, SymbolicTensor)):
            raise ValueError(
                f"layer {self.name!r} mixes samples, which a network keeps apart; call it on batches of "
                "arrays before they are handed to the model"
            )
        if not kwargs.get("training", True):
            return data
        batch = np.asarray(as_array(images, "images"), np.float32)
        if batch.ndim != 4:
            raise ValueError(f"layer {self.name!r} takes a batch of images, got shape {batch.shape}")
        self._calls += 1
        rng = np.random.default_rng(next_seed() if self.seed is None else (self.seed, self._calls))
        order = rng.permutation(len(batch))
        mixed, weight = self._mixed(batch, order, rng)
        if not isinstance(data, dict):
            return mixed
        made = {**data, "images": mixed}
        if "labels" in data:
            labels, share = np.asarray(data["labels"], np.float32), weight[:, None]
            if labels.ndim != 2:
                raise ValueError(f"labels must be vectors to be mixed, as one-hot, got shape {labels.shape}")
            made["labels"] = share * labels + (1 - share) * labels[order]
        return made

    def _mixed(
        self, images: Floats, order: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        """The images mixed with those of an order, and the share of each that is its own."""
        raise NotImplementedError


class MixUp(_Mixing):
    """Adds to each image of a batch a share of another one, and to its label the share of the other's.

    Formula: out = w x + (1 - w) x', w of the beta distribution of alpha and alpha

    Args:
        alpha: Of the distribution, above 0; small ones leave most images nearly as they are.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        A batch of images, or {"images": such, "labels": (n, classes)}, unchanged.

    Raises:
        ValueError: If `alpha` is out of its range, or, when called, the input is no batch of arrays.

    Source:
        Zhang et al., 2018; Keras 3, `keras.layers.MixUp`.

    Example:
        >>> import numpy as np
        >>> batch = {"images": np.ones((4, 2, 2, 1)), "labels": np.eye(4)}
        >>> MixUp(0.5)(batch)["labels"].sum(1)
        array([1., 1., 1., 1.], dtype=float32)
    """

    def __init__(
        self,
        alpha: float = 0.2,
        data_format: str | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        self.alpha = real_number(alpha, "alpha", 1e-6)

    def _mixed(
        self, images: Floats, order: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        weight = rng.beta(self.alpha, self.alpha, len(images)).astype(np.float32)
        share = weight[:, None, None, None]
        return share * images + (1 - share) * images[order], weight

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "alpha": self.alpha}


class CutMix(_Mixing):
    """Puts a box of another image into each image of a batch, and to its label the other's share.

    Args:
        factor: Range of alpha, of whose beta distribution the share of the own image is; within 0 and 1, one
            number stands for 0 and itself.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        data_format: "channels_last", "channels_first", or None for `cnnfast.image_data_format()`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        A batch of images, or {"images": such, "labels": (n, classes)}, unchanged.

    Raises:
        ValueError: If `factor` is out of its range, or, when called, the input is no batch of arrays.

    Source:
        Yun et al., 2019; Keras 3, `keras.layers.CutMix`.

    Example:
        >>> import numpy as np
        >>> CutMix()(np.ones((4, 2, 2, 1))).mean()
        np.float32(1.0)
    """

    def __init__(
        self,
        factor: Any = 1.0,
        seed: int | None = None,
        data_format: str | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(data_format, seed, **options)
        self.factor = factor_range(factor, "factor", (0.0, 1.0))

    def _mixed(
        self, images: Floats, order: NDArray[np.int64], rng: np.random.Generator
    ) -> tuple[Floats, Floats]:
        alpha = rng.uniform(*self.factor) + 1e-6
        side = np.sqrt(1 - rng.beta(alpha, alpha, len(images)))
        inside = np.ones((len(images), 1, 1, 1), bool)
        for axis in (1 + self._height_axis, 2 + self._height_axis):
            size = images.shape[axis]
            begin = np.ceil(rng.random(len(images)) * size * (1 - side))
            end = np.minimum(begin + np.round(size * side), size)
            shape = [size if i == axis else 1 for i in range(4)]
            places = np.arange(size).reshape(shape)
            first, last = (each.reshape(-1, 1, 1, 1) for each in (begin, end))
            inside = inside & (places >= first) & (places < last)
        weight = 1 - inside.mean((1, 2, 3), dtype=np.float32)
        return np.where(inside, images[order], images), weight

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "factor": self.factor}
