"""Training, evaluation and prediction: all is checked first, then each batch is one call of the core."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from threading import RLock
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import config, losses, metrics, optimizers
from cnnfast.callbacks.callback_list import CallbackList
from cnnfast.callbacks.history import History
from cnnfast.callbacks.progress_bar import ProgressBar, batches_with_bar
from cnnfast.models.loops import Data, Verbose, evaluate_all, train_epoch
from cnnfast.utils.arguments import whole_number
from cnnfast.utils.samples import check_labels, check_samples

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast._core import Network
    from cnnfast.callbacks.callback import Callback
    from cnnfast.models.blueprint import Blueprint

_FLOAT32 = np.dtype(np.float32)


@dataclass(frozen=True)
class Compiled:
    """What `compile` was given."""

    loss: losses.Loss
    metrics: tuple[metrics.Metric, ...]
    optimizer: optimizers.Optimizer

    @property
    def names(self) -> list[str]:
        """The names of what a step returns."""
        return ["loss", *(metric.display_name for metric in self.metrics)]


class Trainer:
    """The half of a model that trains and runs."""

    _blueprint: Blueprint | None
    _network: Network | None
    name: str

    def __init__(self) -> None:
        # What `compile` sets and files tell belongs together; the network has a lock of its own.
        self._lock = RLock()
        self._compiled: Compiled | None = None
        self._seed = 0  # of dropout and shuffling; drawn by compile
        self._epochs = 0  # epochs trained since, so that a resumed run shuffles on where it stopped
        self.history: History | None = None
        self.stop_training = False

    @property
    def blueprint(self) -> Blueprint:
        """The model's nodes and graph."""
        raise NotImplementedError

    @property
    def network(self) -> Network:
        """The compiled network behind the model."""
        raise NotImplementedError

    @property
    def built(self) -> bool:
        """Whether the model knows its input's shape, and so its weights."""
        raise NotImplementedError

    def _take_shape(self, shape: tuple[int, ...]) -> bool:
        """Takes the input's shape from data where none is known; returns whether it did so."""
        return False

    def _drop_shape(self) -> None:
        """Undoes `_take_shape`."""

    @contextmanager
    def _shaped_by(self, x: Any) -> Iterator[None]:
        """Within it the input's shape is known; an error inside leaves a model without one as it was."""
        if self.built:
            yield
            return
        took = self._take_shape(check_samples(x, None, "x").shape[1:])
        try:
            yield
        except BaseException:
            if took:
                self._drop_shape()
            raise

    # -- compile -----------------------------------------------------------------------------------------

    def compile(self, optimizer: Any = "adam", loss: Any = None, metrics: Any = None) -> None:
        """Chooses optimizer, loss and metrics. Compiling again resets the optimizer's state.

        Args:
            optimizer: A name such as "adam" or "sgd", or an `optimizers` object.
            loss: A name such as "categorical_crossentropy", or a `losses` object.
            metrics: A list of names such as "accuracy", or of `metrics` objects.

        Raises:
            TypeError: If one is not of a known kind.
            ValueError: If a name is not known, or loss and output do not suit each other.
        """
        if loss is None:
            raise ValueError("compile needs a loss, for instance loss='sparse_categorical_crossentropy'")
        wanted = [] if metrics is None else metrics
        listed = list(wanted) if isinstance(wanted, (list, tuple)) else [wanted]
        compiled = Compiled(losses.get(loss), tuple(map(_metric, listed)), optimizers.get(optimizer))
        with self._lock:
            before, self._seed = self._seed, config.next_seed()
            try:
                if self.built:
                    self._configure(self.network, compiled)
            except BaseException:
                self._seed = before
                raise
            self._compiled = compiled
            self._epochs = 0
            self.stop_training = False

    def _configure(self, network: Network, compiled: Compiled) -> None:
        sparse, outputs = compiled.loss.sparse, self.blueprint.output_shape[-1]
        network.configure(
            compiled.loss.kind,
            compiled.loss._from_logits,
            [metric._resolve(sparse, outputs) for metric in compiled.metrics],
            compiled.optimizer._core_config(),
        )
        network.seed = self._seed
        compiled.optimizer._bind(network)

    @property
    def optimizer(self) -> optimizers.Optimizer:
        """The optimizer chosen by `compile`."""
        return self._needs_compile("optimizer").optimizer

    @property
    def loss(self) -> losses.Loss:
        """The loss chosen by `compile`."""
        return self._needs_compile("loss").loss

    @property
    def metrics_names(self) -> list[str]:
        """The names of what `evaluate` returns: "loss", then the metrics."""
        return self._needs_compile("metrics_names").names

    def _needs_compile(self, what: str) -> Compiled:
        if self._compiled is None:
            raise ValueError(
                f"{what} needs a compiled model; call model.compile(optimizer, loss, metrics) first"
            )
        return self._compiled

    # -- training ----------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 32,
        epochs: int = 1,
        verbose: Verbose = "auto",
        callbacks: Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: tuple[Any, Any] | None = None,
        shuffle: bool = True,
        initial_epoch: int = 0,
    ) -> History:
        """Trains on all samples, `epochs` times.

        Args:
            x: Samples, batch axis first; float32, float64, uint8 or bool.
            y: Labels: class numbers or arrays of the output's shape, as the loss takes them.
            batch_size: Samples in one update, at least 1; None means 32. The last batch may be smaller.
            epochs: The epoch at which to stop, counted from 0.
            verbose: 0 quiet; 1 a bar for each epoch, on terminals; 2 a line for each epoch; "auto" as 1.
            callbacks: Objects that are called while training.
            validation_split: Share of the samples, from the end, that is held back to validate, in [0, 1).
            validation_data: Or the (x, y) to validate on.
            shuffle: Whether samples are put in another order in each epoch.
            initial_epoch: The epoch at which to begin, to go on with an earlier run.

        Returns:
            The history: `history.history` maps each name to one number for each epoch.

        Raises:
            TypeError: If a dtype does not suit.
            ValueError: If a shape, a label or an argument does not suit. The model is then unchanged.
        """
        compiled = self._needs_compile("fit")
        batch = _batch_size(batch_size)
        first, last = whole_number(initial_epoch, "initial_epoch", 0), whole_number(epochs, "epochs", 0)
        with self._shaped_by(x):
            train = self._checked(x, y, compiled, "x", "y")
            validation = self._validation(train, validation_split, validation_data, compiled)
            if validation_data is None and validation is not None:
                train, validation = train.split(validation_split)
        history, progress = History(), ProgressBar(verbose)
        self.history, self.stop_training = history, False
        steps = -(-len(train) // batch)
        running = CallbackList(
            [*(callbacks or ()), progress, history],
            self,
            {"epochs": last, "steps": steps, "verbose": verbose, "batch_size": batch},
        )
        try:
            self._run_epochs(train, validation, batch, range(first, last), shuffle, compiled.names, running)
        finally:
            progress.close()
        return history

    def _run_epochs(
        self,
        train: Data,
        validation: Data | None,
        batch: int,
        epochs: range,
        shuffle: bool,
        names: list[str],
        callbacks: CallbackList,
    ) -> None:
        callbacks.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in epochs:
            callbacks.on_epoch_begin(epoch)
            order = self._order(len(train), shuffle)
            logs = train_epoch(self.network, train, order, batch, names, callbacks)
            self._epochs += 1
            if validation is not None:
                values = evaluate_all(self.network, validation, batch, len(names), 0)
                logs.update((f"val_{name}", value) for name, value in zip(names, values, strict=True))
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        callbacks.on_train_end(logs)

    def _order(self, samples: int, shuffle: bool) -> NDArray[np.int64]:
        if not shuffle:
            return np.arange(samples, dtype=np.int64)
        from numpy.random import default_rng

        return default_rng((self._seed, self._epochs)).permutation(samples).astype(np.int64, copy=False)

    def _checked(self, x: Any, y: Any, compiled: Compiled, x_name: str, y_name: str) -> Data:
        samples = check_samples(x, self.blueprint.input_shape, x_name)
        labels = check_labels(y, len(samples), compiled.loss, self.blueprint.output_shape, y_name)
        return Data(samples, labels)

    def _validation(self, train: Data, share: float, given: Any, compiled: Compiled) -> Data | None:
        if given is not None:
            if not isinstance(given, (tuple, list)) or len(given) != 2:
                raise ValueError("validation_data must be a pair (x, y)")
            return self._checked(
                given[0], given[1], compiled, "the x of validation_data", "the y of validation_data"
            )
        return train.split(share)[1] if share else None

    def train_on_batch(self, x: Any, y: Any, return_dict: bool = False) -> Any:
        """Makes one update.

        Args:
            x: The samples of the batch.
            y: Their labels.
            return_dict: Whether to return {name: value} in place of a list.

        Returns:
            The loss, or [loss, *metrics], before the update.

        Raises:
            TypeError, ValueError: As `fit`; the model is then unchanged.
        """
        compiled = self._needs_compile("train_on_batch")
        with self._shaped_by(x):
            data = self._checked(x, y, compiled, "x", "y")
            network = self.network
        return _results(network.train_step(data.x, data.y), compiled.names, return_dict)

    # -- evaluation --------------------------------------------------------------------------------------

    def test_on_batch(self, x: Any, y: Any, return_dict: bool = False) -> Any:
        """Returns the loss, or [loss, *metrics], of one batch without training; else as `train_on_batch`."""
        compiled = self._needs_compile("test_on_batch")
        with self._shaped_by(x):
            data = self._checked(x, y, compiled, "x", "y")
            network = self.network
        return _results(network.evaluate_step(data.x, data.y), compiled.names, return_dict)

    def evaluate(
        self,
        x: Any,
        y: Any,
        batch_size: int | None = 32,
        verbose: Verbose = "auto",
        return_dict: bool = False,
    ) -> Any:
        """Returns the loss and metrics over all samples, without training.

        Args:
            x: Samples, batch axis first.
            y: Their labels.
            batch_size: Samples at a time, at least 1; None means 32.
            verbose: 0 quiet; otherwise a bar, on terminals.
            return_dict: Whether to return {name: value} in place of a list.

        Returns:
            The loss where there are no metrics, otherwise [loss, *metrics].

        Raises:
            TypeError, ValueError: As `fit`.
        """
        compiled = self._needs_compile("evaluate")
        batch = _batch_size(batch_size)
        with self._shaped_by(x):
            data = self._checked(x, y, compiled, "x", "y")
            network = self.network
        values = evaluate_all(network, data, batch, len(compiled.names), verbose)
        return _results(values, compiled.names, return_dict)

    # -- prediction --------------------------------------------------------------------------------------

    def predict(self, x: Any, batch_size: int | None = 32, verbose: Verbose = "auto") -> NDArray[np.float32]:
        """Returns the outputs for all samples.

        Args:
            x: Samples, batch axis first; float32, float64, uint8 or bool.
            batch_size: Samples at a time, at least 1; None means 32.
            verbose: 0 quiet; otherwise a bar, on terminals.

        Returns:
            A float32 array of the output's shape, batch axis first.

        Raises:
            TypeError: If the dtype does not suit.
            ValueError: If the shape does not suit.
        """
        batch = _batch_size(batch_size)
        with self._shaped_by(x):
            samples = check_samples(x, self.blueprint.input_shape, "x")
            network = self.network
        out = np.empty((len(samples), *self.blueprint.output_shape), np.float32)
        for start in batches_with_bar(len(samples), batch, verbose, "predict"):
            out[start : start + batch] = network.predict(samples[start : start + batch])
        return out

    def predict_on_batch(self, x: Any) -> NDArray[np.float32]:
        """Returns the outputs for one batch with as little in between as possible; else as `predict`."""
        network, plan = self._network, self._blueprint
        # Only what the core cannot take as it is goes the long way round.
        if (
            network is not None
            and plan is not None
            and type(x) is np.ndarray
            and x.dtype is _FLOAT32
            and x.shape[1:] == plan.input_shape
            and x.flags.c_contiguous
            and len(x)
        ):
            return network.predict(x)
        with self._shaped_by(x):
            return self.network.predict(check_samples(x, self.blueprint.input_shape, "x"))


def _metric(identifier: Any) -> metrics.Metric:
    return metrics.get(identifier)


def _batch_size(value: int | None) -> int:
    return 32 if value is None else whole_number(value, "batch_size", 1)


def _results(values: Sequence[float], names: list[str], return_dict: bool) -> Any:
    if return_dict:
        return dict(zip(names, values, strict=True))
    return values[0] if len(values) == 1 else list(values)
