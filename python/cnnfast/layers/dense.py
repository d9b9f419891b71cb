"""Fully connected layer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from cnnfast.layers.weighted import Rules, WeightedLayer
from cnnfast.utils.arguments import not_offered, whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.utils.serialization import Config


class Dense(WeightedLayer):
    """Fully connected layer: every output is a weighted sum of all inputs.

    Formula: out = activation(in @ kernel + bias)

    Args:
        units: Number of outputs, at least 1.
        activation: A name in `cnnfast.ops`, such as "relu" or "gelu", or a function; None for none.
        use_bias: Whether a bias is added.
        kernel_initializer: How the kernel begins.
        bias_initializer: How the bias begins.
        kernel_regularizer: Penalty on the kernel.
        bias_regularizer: Penalty on the bias.
        activity_regularizer: Penalty on what the layer makes of a batch, added to the loss.
        kernel_constraint: Rule for the kernel after each update.
        bias_constraint: Rule for the bias after each update.
        lora_rank, lora_alpha, quantization_config: Keras's arguments, which must be None.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`, `input_dim`.

    Shapes:
        (n, inputs) -> (n, units); kernel (inputs, units). Put `Flatten` before it where the input has more
        axes.

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input has more axes.

    Source:
        Keras 3, `keras.layers.Dense`.

    Example:
        >>> Dense(128, activation="relu").compute_output_shape((None, 375))
        (None, 128)
    """

    def __init__(
        self,
        units: int,
        activation: Any = None,
        use_bias: bool = True,
        kernel_initializer: Any = "glorot_uniform",
        bias_initializer: Any = "zeros",
        kernel_regularizer: Any = None,
        bias_regularizer: Any = None,
        activity_regularizer: Any = None,
        kernel_constraint: Any = None,
        bias_constraint: Any = None,
        lora_rank: None = None,
        lora_alpha: None = None,
        quantization_config: None = None,
        **options: Unpack[LayerOptions],
    ) -> None:
        not_offered(
            "Dense",
            lora_rank=(lora_rank, None),
            lora_alpha=(lora_alpha, None),
            quantization_config=(quantization_config, None),
        )
        super().__init__(
            activation,
            use_bias,
            {
                "kernel": Rules.of(kernel_initializer, kernel_regularizer, kernel_constraint),
                "bias": Rules.of(bias_initializer, bias_regularizer, bias_constraint),
            },
            activity_regularizer,
            **options,
        )
        self.units = whole_number(units, "units", 1)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        return self._emit_activation(
            graph, graph.dense(srcs[0], self.units, self.use_bias, self.name, weights)
        )

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {**super().get_config(), "units": self.units}
