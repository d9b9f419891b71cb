"""Batch normalization."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from cnnfast.layers.symbolic import SymbolicTensor
from cnnfast.layers.tracing import Tracing, Value
from cnnfast.layers.weighted import RuledLayer, Rules
from cnnfast.utils.arguments import not_offered, real_number, sample_axis, whole_number

if TYPE_CHECKING:
    from numpy.typing import ArrayLike
    from typing_extensions import Unpack

    from cnnfast._core import Graph, Weight
    from cnnfast.layers.layer import LayerOptions
    from cnnfast.layers.variable import Variable
    from cnnfast.utils.serialization import Config


class BatchNormalization(RuledLayer):
    """Brings each channel to mean 0 and variance 1 over the batch, then to a learnt scale and shift.

    Formula: out = gamma * (in - mean) / sqrt(variance + epsilon) + beta. In training, mean and variance are
    the batch's, over all axes but the channels', and the moving ones follow: moving = momentum * moving +
    (1 - momentum) * new. In prediction, and where the layer is frozen or called with `training=False`, they
    are the moving ones. Called with `training=True` on arrays, it takes the batch's, and the moving ones
    follow; in a model that predicts, they stay.

    Args:
        axis: The axis of the channels: -1 for channels_last, 1 for channels_first.
        momentum: How slowly the moving statistics follow, in [0, 1].
        epsilon: Guard against division by 0, at least 0.
        center: Whether beta is added.
        scale: Whether gamma multiplies.
        beta_initializer: How beta begins.
        gamma_initializer: How gamma begins.
        moving_mean_initializer: How the moving mean begins.
        moving_variance_initializer: How the moving variance begins.
        beta_regularizer: Penalty on beta.
        gamma_regularizer: Penalty on gamma.
        beta_constraint: Rule for beta after each update.
        gamma_constraint: Rule for gamma after each update.
        renorm, renorm_clipping, renorm_momentum: Keras's arguments, which must have their defaults.
        synchronized: Keras's argument; there are no replicas, and nothing depends on it.
        options: Arguments of every layer: `name`, `trainable`, `input_shape`.

    Shapes:
        Any with one to four axes a sample; the output has the input's. Weights (channels,).

    Raises:
        ValueError: If an argument is out of its range, or, when called, the input does not suit it.

    Source:
        Ioffe and Szegedy, 2015; Keras 3, `keras.layers.BatchNormalization`.

    Example:
        >>> import numpy as np
        >>> layer = BatchNormalization(epsilon=0.0, moving_variance_initializer="ones")
        >>> layer.build((None, 3))
        >>> layer.set_weights([[2, 2, 2], [1, 1, 1], [0, 0, 4], [1, 4, 1]])
        >>> layer(np.array([[1.0, 2.0, 4.0]]))
        array([[3., 3., 1.]], dtype=float32)
    """

    rule_names: ClassVar[dict[str, str]] = {
        name: name for name in ("gamma", "beta", "moving_mean", "moving_variance")
    }
    untrained: ClassVar[tuple[str, ...]] = ("moving_mean", "moving_variance")

    def __init__(
        self,
        axis: int = -1,
        momentum: float = 0.99,
        epsilon: float = 1e-3,
        center: bool = True,
        scale: bool = True,
        beta_initializer: Any = "zeros",
        gamma_initializer: Any = "ones",
        moving_mean_initializer: Any = "zeros",
        moving_variance_initializer: Any = "ones",
        beta_regularizer: Any = None,
        gamma_regularizer: Any = None,
        beta_constraint: Any = None,
        gamma_constraint: Any = None,
        renorm: bool = False,
        renorm_clipping: None = None,
        renorm_momentum: float = 0.99,
        synchronized: bool = False,
        **options: Unpack[LayerOptions],
    ) -> None:
        not_offered(
            "BatchNormalization",
            renorm=(renorm, False),
            renorm_clipping=(renorm_clipping, None),
            renorm_momentum=(renorm_momentum, 0.99),
        )
        super().__init__(
            {
                "beta": Rules.of(beta_initializer, beta_regularizer, beta_constraint),
                "gamma": Rules.of(gamma_initializer, gamma_regularizer, gamma_constraint),
                "moving_mean": Rules.of(moving_mean_initializer, None, None),
                "moving_variance": Rules.of(moving_variance_initializer, None, None),
            },
            **options,
        )
        self.axis = whole_number(axis, "axis", -4)
        self.momentum = real_number(momentum, "momentum", at_most=1.0)
        self.epsilon = real_number(epsilon, "epsilon")
        self.center = bool(center)
        self.scale = bool(scale)

    @property
    def gamma(self) -> Variable | None:
        """The scale; None without one."""
        return self._weight("gamma") if self.scale else None

    @property
    def beta(self) -> Variable | None:
        """The shift; None without one."""
        return self._weight("beta") if self.center else None

    @property
    def moving_mean(self) -> Variable:
        """The mean that prediction uses."""
        return self._weight("moving_mean")

    @property
    def moving_variance(self) -> Variable:
        """The variance that prediction uses."""
        return self._weight("moving_variance")

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """As every layer; told `training=True` on arrays, the moving statistics follow them, too."""
        made = super().__call__(*args, **kwargs)
        inputs = [*args, *kwargs.values()][0]
        if kwargs.get("training") and self.trainable and not isinstance(inputs, (Value, SymbolicTensor)):
            self._follow(inputs)
        return made

    def _follow(self, inputs: ArrayLike) -> None:
        from cnnfast import ops

        rank = np.ndim(inputs)
        axis = self.axis % rank
        moments = ops.moments(inputs, [each for each in range(rank) if each != axis])
        for moving, now in zip((self.moving_mean, self.moving_variance), moments, strict=True):
            moving.assign(self.momentum * np.asarray(moving) + (1 - self.momentum) * now)

    def _emit(self, graph: Graph, srcs: Sequence[int], weights: Sequence[Weight]) -> int:
        rank = len(graph.shape(srcs[0]))
        axis = sample_axis(self.axis, rank, self.name)
        if axis in (0, rank - 1):
            return self._emit_for(graph, srcs[0], axis == 0 and rank > 1, weights)
        others = [each for each in range(rank) if each != axis]
        turned = graph.permute(srcs[0], [*others, axis], f"{self.name}/channels last")
        made = self._emit_for(graph, turned, False, weights)
        back = [rank - 1 if each == axis else others.index(each) for each in range(rank)]
        return graph.permute(made, back, f"{self.name}/channels back")

    def _told_to_train(self, source: Value) -> Any:
        """By the batch's mean and variance, whatever the graph."""
        from cnnfast import ops

        if not self.trainable:
            return None
        axis = sample_axis(self.axis, len(source.dims), self.name) + 1
        others = [each for each in range(source.ndim) if each != axis]
        centred = source - ops.mean(source, others, keepdims=True)
        made = centred * ops.rsqrt(ops.mean(ops.square(centred), others, keepdims=True) + self.epsilon)
        like = [size if each == axis else 1 for each, size in enumerate(source.dims, 1)]
        if self.gamma is not None:
            made = made * ops.reshape(self.gamma, like)
        return made if self.beta is None else made + ops.reshape(self.beta, like)

    def _emit_for(self, graph: Graph, src: int, first: bool, weights: Sequence[Weight]) -> int:
        moving = isinstance(graph, Tracing) and graph.told_training is False
        data_format: Any = "channels_first" if first else "channels_last"
        return graph.batch_norm(
            src,
            self.momentum,
            self.epsilon,
            self.scale,
            self.center,
            data_format,
            self.name,
            weights,
            moving,
        )

    def get_config(self) -> Config:
        """Returns the arguments that make an equal layer, without its weights."""
        own = ("axis", "momentum", "epsilon", "center", "scale")
        return {**super().get_config(), **{name: getattr(self, name) for name in own}}
