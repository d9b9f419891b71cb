"""Training, evaluation and prediction: all is checked first, then each batch is one call of the core."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import islice
from typing import TYPE_CHECKING, Any

import numpy as np

from cnnfast import config
from cnnfast.callbacks.callback_list import CallbackList
from cnnfast.callbacks.history import History
from cnnfast.callbacks.progress_bar import ProgressBar, with_bar
from cnnfast.models.compiling import Compiling
from cnnfast.models.data import Data, check_data, class_weights, model_samples
from cnnfast.models.feeds import ArrayFeed, BatchFeed, Feed, as_triple, batches_of, makes_batches
from cnnfast.models.loops import Verbose, evaluate_all, predict_arrays, predicted, train_epoch
from cnnfast.models.objectives import Logs
from cnnfast.utils.arguments import entries, real_number, whole_number

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from cnnfast.callbacks.callback import Callback
    from cnnfast.models.networks import Planned

Frozen = Callable[[Data, int, "int | None", Feed], Feed]
_FLOAT32 = np.dtype(np.float32)


class Trainer(Compiling):
    """The half of a model that trains and runs."""

    # -- training ----------------------------------------------------------------------------------------

    def fit(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        epochs: int = 1,
        verbose: Verbose = "auto",
        callbacks: Callback | Sequence[Callback] | None = None,
        validation_split: float = 0.0,
        validation_data: Any = None,
        shuffle: bool = True,
        class_weight: Mapping[int, float] | None = None,
        sample_weight: Any = None,
        initial_epoch: int = 0,
        steps_per_epoch: int | None = None,
        validation_steps: int | None = None,
        validation_batch_size: int | None = None,
        validation_freq: int | Sequence[int] = 1,
        *,
        cache_frozen: bool | str = "auto",
    ) -> History:
        """Trains on all samples, `epochs` times.

        Setting `model.stop_training = True` in a callback ends it after the batch that runs, and in another
        thread within a tenth of a second; validation and the callbacks at the epoch's end follow.

        Args:
            x: Samples, batch axis first; numbers of any type, which count as float32. Numbers below 1.2e-38
                in size (denormal ones) count as 0. For several inputs a list in their order, or a dict by
                their names. Or what makes batches x, (x, y) or (x, y, sample_weight): a generator, an object
                of the form of Keras's `PyDataset`, or any iterable, such as PyTorch's `DataLoader`.
            y: Labels: class numbers or arrays of the output's shape, as the loss takes them. For several
                outputs a list or a dict. None where x makes batches.
            batch_size: Samples in one update, at least 1; None means 32. The last batch may be smaller.
            epochs: The epoch at which to stop, counted from 0.
            verbose: 0 quiet; 1 a bar for each epoch, on terminals; 2 a line for each epoch; "auto" as 1.
            callbacks: Objects that are called while training: one, or a list.
            validation_split: Share of the samples, from the end, that is held back to validate, in [0, 1).
            validation_data: Or the (x, y) or (x, y, sample_weight) to validate on, or what makes batches.
            shuffle: Whether samples, or the batches of a `PyDataset`, are put in another order in each epoch.
            class_weight: What samples of each class count, by its number, in the loss of the only output.
            sample_weight: What each sample counts in the loss; for several outputs one for all, or a list or
                dict.
            initial_epoch: The epoch at which to begin, to go on with an earlier run.
            steps_per_epoch: How many batches are an epoch, at least 1; None for all there are. A generator
                without end needs it.
            validation_steps: The same of validation.
            validation_batch_size: Samples at a time in validation; None for `batch_size`.
            validation_freq: After how many epochs it is validated, each time; or the epochs, counted from 1.
            cache_frozen: Whether what layers before the first trainable one make of the samples is computed
                once, and kept over epochs in memory, or in a temporary file if it is large; "auto": if that
                saves time and there is room. Weights afterwards are the same, to the last bit. Not where x
                makes batches.

        Returns:
            The history: `history.history` maps each name to one number for each epoch.

        Raises:
            ValueError: If a number, a shape, a label or an argument does not suit. The model is then
                unchanged.
        """
        compiled = self._needs_compile("fit")
        running = CallbackList(callbacks, True, True, verbose=verbose)
        batch = _batch_size(batch_size)
        after = _validates_after(validation_freq)
        first, last = whole_number(initial_epoch, "initial_epoch", 0), whole_number(epochs, "epochs", 0)
        last = min(last, config.max_epochs() or last)
        share = real_number(validation_split, "validation_split", below=1.0)
        steps = _steps(steps_per_epoch, "steps_per_epoch")
        held = _steps(validation_steps, "validation_steps")
        held_batch = batch if validation_batch_size is None else _batch_size(validation_batch_size)
        batches = self._batch_feed(x, (y, sample_weight, share or None), class_weight, steps)
        with self._shaped_by(x if batches is None else batches.first[0]):
            if batches is None:
                data = self._checked(x, y, sample_weight, class_weight=class_weight)
                data, rest = data.split(share) if share and validation_data is None else (data, None)
                frozen = self._frozen(last - first, cache_frozen)
                train: Feed = self._array_feed(data, batch, steps, frozen)
                validation = None if rest is None else self._array_feed(rest, held_batch, held, frozen)
            else:
                self._checked(*batches.first)
                train, validation, frozen = batches, None, None
            if validation_data is not None:
                validation = self._validation(validation_data, held_batch, held, frozen)
            names = self._result_names(compiled)
            running.set_params(
                {"epochs": last, "steps": train.steps, "verbose": verbose, "batch_size": batch}
            )
            running.set_model(self)
            validated = validation is not None and any(after(epoch + 1) for epoch in range(first, last))
            running.check(_log_names(names, validated))
        history, progress = running.found(History), running.found(ProgressBar)
        assert history is not None
        assert progress is not None
        self.history, self.stop_training = history, False
        try:
            self._run_epochs(train, validation, after, range(first, last), shuffle, names, running)
        finally:
            progress.close()
        return history

    def _run_epochs(
        self,
        train: Feed,
        validation: Feed | None,
        validates_after: Callable[[int], bool],
        epochs: range,
        shuffle: bool,
        names: list[str],
        callbacks: CallbackList,
    ) -> None:
        self._resumed_at = 0
        callbacks.on_train_begin()
        logs: dict[str, float] = {}
        for epoch in range(max(epochs.start, self._resumed_at), epochs.stop):
            callbacks.on_epoch_begin(epoch)
            logs = train_epoch(self, train, self._shuffled if shuffle else None, names, callbacks)
            self._epochs += 1
            if validation is not None and validates_after(epoch + 1):
                found = evaluate_all(validation, 0, names, callbacks)
                logs.update((f"val_{name}", value) for name, value in zip(names, found, strict=True))
            callbacks.on_epoch_end(epoch, logs)
            if self.stop_training:
                break
        self.optimizer.finalize_variable_values()
        callbacks.on_train_end(logs)

    def _shuffled(self, samples: int) -> NDArray[np.int64]:
        from numpy.random import default_rng

        return default_rng((self._seed, self._epochs)).permutation(samples).astype(np.int64, copy=False)

    def _planned(self, data: Data) -> Planned:
        return self._networks.training(data.shapes, data.forms)

    def _array_feed(self, data: Data, batch: int, steps: int | None, frozen: Frozen | None = None) -> Feed:
        whole = ArrayFeed(data, batch, steps, self._planned)
        return whole if frozen is None else frozen(data, batch, steps, whole)

    def _frozen(self, epochs: int, cache: Any) -> Frozen | None:
        """What makes feeds for a model that begins with frozen layers; None where it does not."""
        from cnnfast.models.frozen import FrozenFeed, checked_choice, split_of

        checked_choice(cache)
        split = split_of(self.blueprint)
        if split is None:
            return None
        networks = self._networks
        return lambda data, batch, steps, whole: FrozenFeed(
            data, batch, steps, split, networks, whole, epochs, cache
        )

    def _batch_feed(
        self, x: Any, others: tuple[Any, ...], class_weight: Mapping[int, float] | None, steps: int | None
    ) -> BatchFeed | None:
        """Returns the batches that x makes; None where it is samples. The others are for samples only."""
        if not makes_batches(x):
            return None
        if any(each is not None for each in others):
            raise ValueError(
                "x makes batches, which have their own labels and weights: leave out y, sample_weight and "
                "validation_split, and make batches (x, y) or (x, y, sample_weight)"
            )

        def checked(x: Any, y: Any, weights: Any) -> Data:
            return self._checked(x, y, weights, class_weight=class_weight)

        return BatchFeed(x, steps, checked, self._planned)

    def _checked(
        self,
        x: Any,
        y: Any,
        sample_weight: Any,
        names: tuple[str, str] = ("x", "y"),
        class_weight: Mapping[int, float] | None = None,
    ) -> Data:
        plan = self.blueprint
        if class_weight is not None:
            if sample_weight is not None or len(plan.targets) > 1:
                raise ValueError(
                    "class_weight is for a model of one output, and without sample_weight; multiply the "
                    "sample_weight yourself"
                )
            sample_weight = class_weights(y, class_weight)
        made, compiled = self._made_networks, self._needs_compile("this")
        parts = compiled.parts(plan) if made is None else made.parts  # labels are checked before all is made
        return check_data(plan, parts, x, y, sample_weight, names)

    def _validation(self, given: Any, batch: int, steps: int | None, frozen: Frozen | None = None) -> Feed:
        batches = self._batch_feed(given, (), None, steps)
        if batches is not None:
            self._checked(*batches.first)
            return batches
        if not isinstance(given, (tuple, list)) or len(given) not in (2, 3):
            raise ValueError("validation_data must be (x, y) or (x, y, sample_weight), or make batches")
        weights = given[2] if len(given) == 3 else None
        names = ("the x of validation_data", "the y of validation_data")
        return self._array_feed(self._checked(given[0], given[1], weights, names), batch, steps, frozen)

    def train_on_batch(
        self,
        x: Any,
        y: Any = None,
        sample_weight: Any = None,
        class_weight: Mapping[int, float] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Makes one update.

        Args:
            x: The samples of the batch.
            y: Their labels.
            sample_weight: As for `fit`.
            class_weight: As for `fit`.
            return_dict: Whether to return {name: value} in place of a list.

        Returns:
            The loss, or [loss, *metrics], before the update.

        Raises:
            ValueError: As `fit`; the model is then unchanged.
        """
        compiled = self._needs_compile("train_on_batch")
        with self._shaped_by(x):
            data = self._checked(x, y, sample_weight, class_weight=class_weight)
            planned = self._networks.training(data.shapes, data.forms)
        logs = Logs(planned.reports)
        self.optimizer._before_step()
        logs.add(planned.network.train_step([*data.arrays, *logs.arrays]), len(data))
        return _results(logs.values, self._result_names(compiled) if return_dict else [], return_dict)

    # -- evaluation --------------------------------------------------------------------------------------

    def test_on_batch(
        self, x: Any, y: Any = None, sample_weight: Any = None, return_dict: bool = False
    ) -> Any:
        """Returns the loss, or [loss, *metrics], of one batch without training; else as `train_on_batch`."""
        compiled = self._needs_compile("test_on_batch")
        with self._shaped_by(x):
            data = self._checked(x, y, sample_weight)
        names = self._result_names(compiled)
        values = evaluate_all(self._array_feed(data, len(data), None), 0, names)
        return _results(values, names, return_dict)

    def evaluate(
        self,
        x: Any = None,
        y: Any = None,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        sample_weight: Any = None,
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
        return_dict: bool = False,
    ) -> Any:
        """Returns the loss and metrics over all samples, without training.

        Args:
            x: Samples, batch axis first, or what makes batches, as for `fit`.
            y: Their labels.
            batch_size: Samples at a time, at least 1; None means 32.
            verbose: 0 quiet; otherwise a bar, on terminals.
            sample_weight: What each sample counts in the loss.
            steps: How many batches, at least 1; None for all there are.
            callbacks: Objects that are called meanwhile: one, or a list.
            return_dict: Whether to return {name: value} in place of a list.

        Returns:
            The loss where there are no metrics, otherwise [loss, *metrics].

        Raises:
            ValueError: As `fit`.
        """
        compiled = self._needs_compile("evaluate")
        batch, count = _batch_size(batch_size), _steps(steps, "steps")
        batches = self._batch_feed(x, (y, sample_weight), None, count)
        with self._shaped_by(x if batches is None else batches.first[0]):
            feed = batches or self._array_feed(self._checked(x, y, sample_weight), batch, count)
            names = self._result_names(compiled)
            running = CallbackList(callbacks, model=self, steps=feed.steps, verbose=verbose)
            values = evaluate_all(feed, verbose, names, running)
        return _results(values, names, return_dict)

    # -- prediction --------------------------------------------------------------------------------------

    def predict(
        self,
        x: Any,
        batch_size: int | None = None,
        verbose: Verbose = "auto",
        steps: int | None = None,
        callbacks: Callback | Sequence[Callback] | None = None,
    ) -> Any:
        """Returns the outputs for all samples.

        Args:
            x: Samples, batch axis first, as `fit` takes them, or what makes batches, of which x counts.
            batch_size: Samples at a time, at least 1; None means 32.
            verbose: 0 quiet; otherwise a bar, on terminals.
            steps: How many batches, at least 1; None for all there are.
            callbacks: Objects that are called meanwhile: one, or a list.

        Returns:
            A float32 array of the output's shape, batch axis first; a list or dict of several.

        Raises:
            ValueError: If the numbers or the shape do not suit.
        """
        batch, most = _batch_size(batch_size), _steps(steps, "steps")
        running = CallbackList(callbacks, model=self, steps=most, verbose=verbose)
        if makes_batches(x):
            return self._predicted_batches(x, most, verbose, running)
        with self._shaped_by(x):
            plan = self.blueprint
            samples = model_samples(plan, x)
            network = self._networks.predicting([each.shape[1:] for each in samples])
        if most is not None:
            samples = [each[: most * batch] for each in samples]
        outs = predict_arrays(network, samples, batch, verbose, plan.pack_outputs, running)
        return plan.pack_outputs(outs)

    def _predicted_batches(self, x: Any, steps: int | None, verbose: Verbose, callbacks: CallbackList) -> Any:
        def run(item: Any) -> list[NDArray[np.float32]]:
            samples = as_triple(item)[0]
            with self._shaped_by(samples):
                arrays = model_samples(self.blueprint, samples)
            return self._networks.predicting([each.shape[1:] for each in arrays]).predict(arrays)

        batches = with_bar(islice(batches_of(x), steps), steps, verbose, "predict")
        parts = list(predicted(batches, run, lambda made: self.blueprint.pack_outputs(made), callbacks))
        if not parts:
            raise ValueError(f"there is no batch in {x!r}")
        return self.blueprint.pack_outputs([np.concatenate(each) for each in zip(*parts, strict=True)])

    def predict_on_batch(self, x: Any) -> Any:
        """Returns the outputs for one batch with as little in between as possible; else as `predict`."""
        fast = self._fast
        # Only what the core cannot take as it is goes the long way round.
        if (
            fast is not None
            and type(x) is np.ndarray
            and x.dtype is _FLOAT32
            and x.shape[1:] == fast[1]
            and x.flags.c_contiguous
            and len(x)
        ):
            return fast[0].predict(x)
        with self._shaped_by(x):
            samples = model_samples(self.blueprint, x)
            network = self._networks.predicting([each.shape[1:] for each in samples])
        return self.blueprint.pack_outputs(network.predict(samples))


def _log_names(names: list[str], validates: bool) -> list[str]:
    return [*names, *(f"val_{name}" for name in names)] if validates else names


def _steps(value: int | None, name: str) -> int | None:
    steps, most = None if value is None else whole_number(value, name, 1), config.max_steps_per_epoch()
    return steps if most is None else min(steps or most, most)


def _validates_after(frequency: int | Sequence[int]) -> Callable[[int], bool]:
    listed = entries(frequency)
    if listed is not None:
        epochs = {whole_number(each, "validation_freq", 1) for each in listed}
        return epochs.__contains__
    every = whole_number(frequency, "validation_freq", 1)
    return lambda epoch: epoch % every == 0


def _batch_size(value: int | None) -> int:
    return 32 if value is None else whole_number(value, "batch_size", 1)


def _results(values: Sequence[float], names: list[str], return_dict: bool) -> Any:
    if return_dict:
        return dict(zip(names, values, strict=True))
    return values[0] if len(values) == 1 else list(values)
