"""Random omission."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

from cnnfast.layers.layer import Layer
from cnnfast.layers.noise import kept, own_noise_shape, own_seed, scaled
from cnnfast.utils.arguments import real_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.tracing import Value
    from cnnfast.utils.serialization import Config


class Dropout(Layer):
    """Sets a random share of the values to 0 while training; does nothing otherwise.

    Formula: out = in * mask / (1 - rate), mask = 1 with probability 1 - rate, else 0.

    Args:
        rate: Share that is set to 0, in [0, 1].
        noise_shape: 1 for each axis along which all are set or none, else None or the size; the batch's axis
            is the first. None for values one by one.
        seed: Own seed; None follows `cnnfast.set_random_seed`.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any, unchanged.

    Raises:
        ValueError: If `rate` lies outside [0, 1].

    Source:
        Srivastava et al., 2014, in the form of Keras 3.

    Example:
        >>> Dropout(0.2).compute_output_shape((None, 15, 5, 5))
        (None, 15, 5, 5)
    """

    acts_in_training_only: ClassVar[bool] = True

    def __init__(
        self,
        rate: float,
        noise_shape: Sequence[int | None] | None = None,
        seed: int | None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        super().__init__(**options)
        self.rate = real_number(rate, "rate", at_most=1.0)
        self.noise_shape, self.seed = own_noise_shape(noise_shape), own_seed(seed)

    @property
    def _is_called(self) -> bool:
        return self.seed is not None or self.noise_shape is not None or self.rate == 1

    def call(self, inputs: Value, training: bool = False) -> Any:
        """Returns what a layer with a seed or shape of its own makes, or one that drops all."""
        if not training or not self.rate:
            return inputs
        return inputs * scaled(kept(inputs, self.rate, self.noise_shape, self.seed), self.rate)

    def _told_to_train(self, source: Value) -> Any:
        return self.call(source, True)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return graph.dropout(srcs[0], self.rate, self.name)

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer."""
        own = {"rate": self.rate, "noise_shape": self.noise_shape, "seed": self.seed}
        return {**super().get_config(), **own}
