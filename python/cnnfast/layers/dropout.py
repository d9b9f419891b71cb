"""Random omission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from cnnfast.layers.layer import Layer
from cnnfast.utils.arguments import not_offered, real_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class Dropout(Layer):
    """Sets a random share of the values to 0 while training; does nothing otherwise.

    Formula: out = in * mask / (1 - rate), mask = 1 with probability 1 - rate, else 0.

    Args:
        rate: Share that is set to 0, in [0, 1).
        noise_shape, seed: Keras's arguments, which must be None; `cnnfast.set_random_seed` seeds all.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Raises:
        ValueError: If `rate` lies outside [0, 1).

    Source:
        Srivastava et al., 2014, in the form of Keras 3.

    Example:
        >>> Dropout(0.2).compute_output_shape((None, 15, 5, 5))
        (None, 15, 5, 5)
    """

    acts_in_training_only: ClassVar[bool] = True

    def __init__(
        self, rate: float, noise_shape: None = None, seed: None = None, **options: Unpack[LayerOptions]
    ) -> None:
        super().__init__(**options)
        not_offered("Dropout", noise_shape=(noise_shape, None), seed=(seed, None))
        self.rate = real_number(rate, "rate", below=1.0)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.dropout(srcs[0], self.rate, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        return {**super().get_config(), "rate": self.rate}
