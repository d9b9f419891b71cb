"""What every optimizer has in common."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any
from weakref import ref

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast._core import Network
    from cnnfast.utils.serialization import Config


class Optimizer:
    """Base of the optimizers.

    Formula: with g the gradient, regularizers' included: clipnorm: g *= clipnorm / max(norm(g), clipnorm) for
    each weight alone; global_clipnorm: the same with the norm over all trainable weights; clipvalue: g =
    min(max(g, -clipvalue), clipvalue).

    Args:
        learning_rate: Size of a step, finite and at least 0.
        clipnorm: Largest norm of the gradient of one weight, above 0.
        clipvalue: Largest absolute value in a gradient, above 0.
        global_clipnorm: Largest norm of all gradients together, above 0.

    Raises:
        ValueError: If more than one way of clipping is given.

    Source:
        Keras 3, `keras.optimizers.Optimizer`.
    """

    def __init__(
        self,
        learning_rate: float,
        clipnorm: float | None = None,
        clipvalue: float | None = None,
        global_clipnorm: float | None = None,
    ) -> None:
        self._bound: ref[Network] | None = None  # a model that is dropped goes, whoever holds its optimizer
        self.learning_rate = learning_rate
        self.clipnorm = _limit(clipnorm, "clipnorm")
        self.clipvalue = _limit(clipvalue, "clipvalue")
        self.global_clipnorm = _limit(global_clipnorm, "global_clipnorm")
        if len(self._clipping()) > 1:
            raise ValueError(
                f"only one of clipnorm, clipvalue and global_clipnorm may be given, got {self._clipping()}"
            )

    @property
    def learning_rate(self) -> float:
        """Size of a step; setting it acts on the compiled model at once."""
        return self._learning_rate

    @learning_rate.setter
    def learning_rate(self, value: float) -> None:
        rate = in_range(value, "learning_rate", 0.0, math.inf)
        if (network := self._network) is not None:
            network.learning_rate = rate
        self._learning_rate = rate

    @property
    def iterations(self) -> int:
        """Updates made so far."""
        network = self._network
        return 0 if network is None else network.step

    def get_config(self) -> Config:
        """Returns the arguments that make an equal optimizer."""
        return {"learning_rate": self.learning_rate, **self._clipping()}

    def _clipping(self) -> Config:
        limits = {
            "clipnorm": self.clipnorm,
            "clipvalue": self.clipvalue,
            "global_clipnorm": self.global_clipnorm,
        }
        return {name: limit for name, limit in limits.items() if limit is not None}

    @classmethod
    def from_config(cls, config: Config) -> Self:
        """Makes the optimizer that `config` describes."""
        return cls(**config)

    def _core_config(self) -> dict[str, Any]:
        return {"name": type(self).__name__.lower(), **self.get_config()}

    def _bind(self, network: Network) -> None:
        """Lets `learning_rate` and `iterations` speak for this network from now on."""
        self._bound = ref(network)

    @property
    def _network(self) -> Network | None:
        return None if self._bound is None else self._bound()

    def __repr__(self) -> str:
        arguments = ", ".join(f"{name}={value!r}" for name, value in self.get_config().items())
        return f"{type(self).__name__}({arguments})"


def _limit(value: float | None, name: str) -> float | None:
    if value is None:
        return None
    limit = in_range(value, name, 0.0, math.inf)
    if limit == 0:
        raise ValueError(f"{name} must be above 0, or None for no clipping, got {value!r}")
    return limit


def in_range(value: float, name: str, low: float, below: float) -> float:
    """Returns `value` as a float.

    Raises:
        TypeError: If it is not a number.
        ValueError: If it lies outside [low, below).

    Example:
        >>> in_range(0.9, "momentum", 0, 1)
        0.9
    """
    try:
        number = float(value)
    except (TypeError, ValueError):
        raise TypeError(f"{name} must be a number, got {value!r}") from None
    if not low <= number < below:
        limit = f" and below {below}" if below < math.inf else " and finite"
        raise ValueError(f"{name} must be at least {low}{limit}, got {value!r}")
    return number
