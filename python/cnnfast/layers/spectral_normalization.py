"""Kernels divided by their spectral norm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cnnfast.initializers import TruncatedNormal
from cnnfast.layers.wrapper import Wrapper
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from typing_extensions import Unpack

    from cnnfast.layers.layer import Layer, LayerOptions
    from cnnfast.utils.serialization import Config


class SpectralNormalization(Wrapper):
    """A layer whose kernel is divided by its largest singular value, so that it stretches no input.

    Formula: with the kernel as a matrix W of one column an output, each iteration takes
    v = W u / |W u|, u = W' v / |W' v|, and sigma = v' W u; the layer computes with W / sigma. u lives on from
    one training step to the next. The kernel's gradient goes through sigma, not through u and v.

    Keras writes W / sigma into the kernel before each training step, and predicts with the kernel as the last
    step left it; here it stays W, and prediction divides as training does.

    Args:
        layer: A layer with `kernel` or `embeddings`.
        power_iterations: How many iterations a step takes, at least 1.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Those of the layer. Besides its weights there is u, (1, outputs), which training does not move by
        gradients.

    Raises:
        ValueError: If an argument is out of its range, or the layer has no kernel.

    Source:
        Miyato et al., 2018; Keras 3, `keras.layers.SpectralNormalization`; the gradient as in PyTorch,
        `torch.nn.utils.parametrizations.spectral_norm`.

    Example:
        >>> import numpy as np
        >>> from cnnfast.layers import Dense
        >>> layer = SpectralNormalization(Dense(2, kernel_initializer="ones"), power_iterations=8)
        >>> layer(np.array([[4.0, 0.0]])).round(5)
        array([[2., 2.]], dtype=float32)
    """

    def __init__(self, layer: Layer, power_iterations: int = 1, **options: Unpack[LayerOptions]) -> None:
        super().__init__(layer, **options)
        self.power_iterations = whole_number(power_iterations, "power_iterations", 1)

    def build(self, input_shape: Any) -> None:
        """Makes the layer's weights, and u."""
        super().build(input_shape)
        self.vector_u = self.add_weight(
            (1, self._kernel.shape[-1]), TruncatedNormal(stddev=0.02), trainable=False, name="vector_u"
        )

    @property
    def _kernel(self) -> Any:
        for name in ("kernel", "embeddings"):
            if hasattr(self.layer, name):
                return getattr(self.layer, name)
        raise ValueError(
            f"layer {self.name!r}: {type(self.layer).__name__} has no kernel and no embeddings to normalize"
        )

    def call(self, inputs: Any, training: bool = False) -> Any:
        """Returns what the layer makes with its kernel divided by sigma."""
        from cnnfast import ops

        weights = ops.reshape(self._kernel, (-1, self.vector_u.shape[-1]))
        fixed, u = ops.stop_gradient(weights), self.vector_u
        for _ in range(self.power_iterations):
            v = ops.normalize(ops.matmul(u, ops.transpose(fixed)))
            u = ops.normalize(ops.matmul(v, fixed))
        if training:
            self.vector_u.assign(u)
        sigma = ops.sum(ops.matmul(ops.stop_gradient(v), weights) * ops.stop_gradient(u))
        rate = 1.0 / ops.where(sigma == 0.0, 1.0, sigma)  # a kernel of zeros stays what it is
        if hasattr(self.layer, "embeddings"):
            return self.layer(inputs) * rate
        return self.layer(inputs * rate)  # as the kernel's products with it are what the rate is of

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        return {**super().get_config(), "power_iterations": self.power_iterations}
