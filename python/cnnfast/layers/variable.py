"""A layer's weights as users see them; the numbers themselves live in the core."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast.utils.samples import check_weights

if TYPE_CHECKING:
    from numpy.typing import ArrayLike, NDArray

    from cnnfast._core import Network, ParameterInfo
    from cnnfast.layers.layer import Layer


class Variable:
    """One array of weights inside a network.

    Example:
        >>> from cnnfast.layers import Dense
        >>> layer = Dense(2, kernel_initializer="ones", name="head")
        >>> layer.build((None, 3))
        >>> layer.kernel
        <Variable head/kernel, shape=(3, 2)>
        >>> layer.kernel.assign([[1, 2], [3, 4], [5, 6]])
        >>> layer.kernel.numpy()[2]
        array([5., 6.], dtype=float32)
    """

    def __init__(self, layer: Layer, network: Network, position: int, info: ParameterInfo) -> None:
        self._layer = layer
        self._network = network
        self._position = position
        self.name = info["name"]
        self.shape = tuple(info["shape"])

    @property
    def dtype(self) -> np.dtype[np.float32]:
        """Always float32."""
        return np.dtype(np.float32)

    @property
    def size(self) -> int:
        """How many numbers it holds."""
        return int(np.prod(self.shape))

    @property
    def trainable(self) -> bool:
        """Whether training changes it: as its layer says."""
        return self._layer.trainable

    def numpy(self) -> NDArray[np.float32]:
        """Returns a copy of the values."""
        return self._network.get_parameter(self._position)

    def assign(self, value: ArrayLike) -> None:
        """Sets the values.

        Args:
            value: Numbers of exactly this shape.

        Raises:
            ValueError: If the shape differs, or they are not real numbers that float32 holds.
        """
        self._network.set_parameter(self._position, self._checked(value))

    def _checked(self, value: ArrayLike) -> NDArray[np.float32]:
        return check_weights(value, self.shape, self.name)

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        if copy is False:
            raise ValueError("weights live in the core; NumPy gets a copy (leave copy=False out)")
        return self.numpy().astype(dtype or np.float32, copy=False)

    def __repr__(self) -> str:
        return f"<Variable {self.name}, shape={self.shape}>"
