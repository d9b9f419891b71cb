"""What `compile` chooses, and the networks of the core that a model then runs."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import config
from cnnfast.models.networks import Networks
from cnnfast.models.objectives import Compiled, resolved
from cnnfast.utils.arguments import not_offered
from cnnfast.utils.locks import fork_lock
from cnnfast.utils.nest import leaves

if TYPE_CHECKING:
    from typing_extensions import Self

    from cnnfast import optimizers
    from cnnfast._core import Network
    from cnnfast.callbacks.history import History
    from cnnfast.layers.variable import Variable
    from cnnfast.metrics import Metric
    from cnnfast.models.blueprint import Blueprint

# What Keras's models may define in place of the step that `fit` makes.
_STEPS_OF_KERAS = (
    *("train_step", "test_step", "predict_step", "compute_loss", "compute_metrics"),
    *("make_train_function", "make_test_function", "make_predict_function"),
)


class Compiling:
    """The part of a model that `compile` sets, and the networks that follow from it."""

    _blueprint: Blueprint | None
    _variables: Callable[[], list[Variable]]  # all weights in order
    name: str

    def __init__(self) -> None:
        # What `compile` sets and files tell belongs together; the network has a lock of its own.
        self._lock = fork_lock()
        self._compiled: Compiled | None = None
        self._made_networks: Networks | None = None
        self._fast: tuple[Network, tuple[int, ...]] | None = None  # of one input and output; and its shape
        self._device: str | None = None  # that `to` chose; None: the process's
        self._seed = 0  # of dropout and shuffling; drawn by compile
        self._resumed_at = 0  # the epoch at which `fit` goes on with a run that was interrupted
        self._epochs = 0  # epochs trained since, so that a resumed run shuffles on where it stopped
        self.history: History | None = None
        self.stop_training = False

    @property
    def blueprint(self) -> Blueprint:
        """The model's nodes and graph."""
        raise NotImplementedError

    @property
    def built(self) -> bool:
        """Whether the model knows its input's shape, and so its weights."""
        raise NotImplementedError

    def _take_shape_of(self, x: Any) -> bool:
        """Takes the shapes of inputs from data where none are known; returns whether it did so."""
        return False

    def _drop_shape(self) -> None:
        """Undoes that."""

    @contextmanager
    def _shaped_by(self, x: Any) -> Iterator[None]:
        """Within it the input's shape is known; an error inside leaves a model without one as it was."""
        if self.built:
            yield
            return
        with self._lock:
            took = not self.built and self._take_shape_of(x)
        try:
            yield
        except BaseException:
            if took:
                self._drop_shape()
            raise

    def compile(
        self,
        optimizer: Any = "rmsprop",
        loss: Any = None,
        loss_weights: Any = None,
        metrics: Any = None,
        weighted_metrics: Any = None,
        run_eagerly: bool = False,
        steps_per_execution: int = 1,
        jit_compile: Any = "auto",
        auto_scale_loss: bool = True,
    ) -> None:
        """Chooses optimizer, loss and metrics. Compiling again resets the optimizer's state.

        Args:
            optimizer: A name such as "adam" or "sgd", or an `optimizers` object.
            loss: A name such as "categorical_crossentropy", a `losses` object, or a function of (y_true,
                y_pred) written with `cnnfast.ops`. With several outputs one for all, or a list or dict with
                one (or None) for each. None where layers tell the loss by `add_loss`.
            loss_weights: What losses are multiplied by before they are added up: a list or dict for several
                outputs.
            metrics: A list of names such as "accuracy", or of `metrics` objects. The name "accuracy" stands
                for the one that suits outputs and labels. For several outputs a list or dict of these.
            weighted_metrics: The same, for metrics in which samples count by their `sample_weight`.
            run_eagerly: Not offered; must be False.
            steps_per_execution: Not offered; must be 1.
            jit_compile: Keras's argument; nothing here depends on it.
            auto_scale_loss: Keras's argument; nothing here depends on it.

        Raises:
            ValueError: If one is not known, loss and output do not suit each other, there is no loss, or the
                model defines a step of Keras's, such as `train_step`.
        """
        from cnnfast import losses, optimizers

        not_offered("compile", run_eagerly=(run_eagerly, False), steps_per_execution=(steps_per_execution, 1))
        self._refuse_own_steps()
        for factor in leaves(loss_weights):
            if factor is not None and (isinstance(factor, str) or not np.isfinite(factor)):
                raise ValueError(
                    f"loss_weights must be finite numbers, got {factor!r}; metrics are given as metrics=[...]"
                )
        compiled = Compiled(
            optimizers.get(optimizer),
            resolved(loss, losses.get),
            resolved(metrics, _metric),
            resolved(weighted_metrics, _metric),
            loss_weights,
        )
        with self._lock:
            before = self._seed, self._compiled, self._made_networks, self._fast
            self._seed, self._compiled = config.next_seed(), compiled
            self._forget_networks()
            try:
                if self.built:
                    self.network  # noqa: B018  # refuses what does not suit
            except BaseException:
                self._seed, self._compiled, self._made_networks, self._fast = before
                raise
            self._epochs = 0
            self.stop_training = False

    def _refuse_own_steps(self) -> None:
        for name in _STEPS_OF_KERAS:
            if hasattr(type(self), name):
                raise ValueError(
                    f"model {self.name!r} ({type(self).__name__}) defines {name}, which nobody would call: a "
                    "whole step is compiled here, from `call`, losses, metrics and optimizer. Write the loss "
                    "as a function or a Loss, have a layer tell it by add_loss, or step by train_on_batch"
                )

    def _forget_networks(self) -> None:
        self._made_networks, self._fast = None, None

    @property
    def _networks(self) -> Networks:
        with self._lock:
            if self._made_networks is None:
                plan = self.blueprint
                self._initialize()
                made = Networks(plan, self._compiled, self._seed, self._variables(), self._device)
                made.first  # noqa: B018  # refuses what does not suit
                self._made_networks = made
                if plan.is_simple:
                    self._fast = made.first, plan.shapes[0]
            return self._made_networks

    def to(self, device: str) -> Self:
        """Has the model compute on a device from now on, whatever `cnnfast.set_device` says.

        Weights and the optimizer's state go there when they are first needed, and come back when they are
        read. Memory on the device that the model leaves is given back. A model in others computes where these
        do. Copies and files of the model do not keep the device.

        Args:
            device: `"cpu"`, `"cuda"` (the first GPU) or `"cuda:1"` and so on.

        Returns:
            The model.

        Raises:
            ValueError: If this machine or this build has no such device. The model stays where it was.

        Example:
            >>> import cnnfast
            >>> model = cnnfast.Sequential([cnnfast.layers.Dense(2, input_shape=(3,))])
            >>> model.to("cpu").device
            'cpu'
        """
        device = config.device_name(device)
        with self._lock:
            self._device = device
            if self._made_networks is not None:
                self._made_networks.move(device)
        return self

    @property
    def device(self) -> str:
        """Where the model computes."""
        return config.get_device() if self._device is None else self._device

    @property
    def network(self) -> Network:
        """The compiled network behind the model; where sizes are not known, that for an example."""
        return self._networks.first

    def _initialize(self) -> None:
        raise NotImplementedError

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimizer chosen by `compile`."""
        return self._needs_compile("optimizer").optimizer

    @property
    def loss(self) -> Any:
        """The loss chosen by `compile`; where there are several, as they were given."""
        return self._needs_compile("loss").loss

    @property
    def metrics(self) -> list[Metric]:
        """The metrics chosen by `compile`, of all outputs in one list."""
        given = self._needs_compile("metrics")
        return [each for each in leaves((given.metrics, given.weighted_metrics)) if each is not None]

    def reset_metrics(self) -> None:
        """Forgets what metrics gathered by hand; calls of the model report what was in them alone."""
        for metric in self.metrics:
            metric.reset_state()

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns: "loss", those of several outputs, then the metrics."""
        return self._result_names(self._needs_compile("metrics_names"))

    def _result_names(self, compiled: Compiled) -> list[str]:
        return compiled.names(self.blueprint if self.built else None)

    @property
    def compiled(self) -> bool:
        """Whether `compile` was called."""
        return self._compiled is not None

    def _needs_compile(self, what: str) -> Compiled:
        if self._compiled is None:
            raise ValueError(
                f"{what} needs a compiled model; call model.compile(optimizer, loss, metrics=[...]) first"
            )
        return self._compiled


def _metric(identifier: Any) -> Metric:
    from cnnfast import metrics

    return metrics.get(identifier)
