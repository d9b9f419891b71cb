"""One training of one network on one set of pictures, by the public face: compile, fit, evaluate, predict."""

import shutil
import sys
import textwrap
import time
from typing import Any

from cnnfast.cli import classifier, report
from cnnfast.cli.augment import Augment
from cnnfast.cli.data import Data, Loaded
from cnnfast.cli.errors import UserError
from cnnfast.cli.images import ImageInput
from cnnfast.cli.recipes import Recipe
from cnnfast.cli.recorded import Recorded

History = dict[str, list[float]]

# So many predictions show whether a model ends in probabilities.
_TRIAL = 8


class Training:
    """All that a training needs, checked.

    Args:
        model: the network; its own `compile`, if it had one, stays.
        name: what to call it.
        data: what it learns.
        loaded: the pictures.
        wanted: how the model takes them.
        recipe: how long it learns, and how fast where it was not compiled.

    Raises:
        UserError: model and pictures do not suit each other, or its outputs are no probabilities.
    """

    def __init__(
        self, model: Any, name: str, data: Data, loaded: Loaded, wanted: ImageInput, recipe: Recipe
    ) -> None:
        self.model, self.name = model, name
        self._data, self._loaded, self._wanted, self._recipe = data, loaded, wanted, recipe
        self._has_own_compile = classifier.is_compiled(model)
        if not self._has_own_compile:
            self._compile()
        Recorded(data.class_names, data.preparation).write(model)
        self._x_test = wanted.batch(loaded.test[0])
        self._probabilities(self._x_test[:_TRIAL])

    def _compile(self) -> None:
        from cnnfast import optimizers

        several = self.model.output_shape[-1] > 1
        try:
            self.model.compile(
                optimizer=optimizers.Adam(self._recipe.learning_rate),
                loss="sparse_categorical_crossentropy" if several else "binary_crossentropy",
                metrics=["accuracy"],
            )
        except ValueError as error:
            raise UserError(f"the model {self.name}: {error}") from error

    def announce(self) -> None:
        """Says what begins."""
        (x, _), (x_test, _) = self._loaded.train, self._loaded.test
        line = (
            f"training {self.name} ({self.model.count_params():,} parameters) on {self._data.name}: "
            f"{len(x):,} pictures of {self._wanted.size}, {len(x_test):,} more to test "
            f"({self._loaded.source})"
        )
        if sys.stdout.isatty():
            line = textwrap.fill(line, shutil.get_terminal_size().columns, subsequent_indent="  ")
        print(line, flush=True)
        if self._loaded.left_out:
            print(self._loaded.left_out, flush=True)

    def run(self, kinds: tuple[str, ...], seed: int) -> tuple[History, float]:
        """Trains; returns the history and the seconds that it took."""
        images, labels = self._loaded.train
        x, y = self._wanted.batch(images), self._labels(labels)
        callbacks: list[Any] = []
        if not self._has_own_compile:
            from cnnfast.callbacks import LearningRateScheduler

            callbacks.append(LearningRateScheduler(self._learning_rate))
        if kinds:
            callbacks.append(Augment(kinds, images, x, self._wanted, seed))
        start = time.perf_counter()
        try:
            history = self.model.fit(
                x,
                y,
                batch_size=self._recipe.batch_size,
                epochs=self._recipe.epochs,
                validation_data=(self._x_test, self._labels(self._loaded.test[1])),
                callbacks=callbacks,
            )
        except ValueError as error:
            raise UserError(f"the model {self.name}: {error}") from error
        return history.history, time.perf_counter() - start

    def judge(self, history: History, seconds: float) -> report.Outcome:
        """What came of it on the test pictures."""
        images, labels = self._loaded.test
        probabilities = self._probabilities(self._x_test)
        epochs = len(history["loss"])
        return report.Outcome(
            title=f"{self.name} on {self._data.name}",
            history=history,
            accuracy=float((probabilities.argmax(axis=1) == labels).mean()),
            images_per_second=epochs * len(self._loaded.train[0]) / seconds,
            seconds=seconds,
            images=images,
            first_input=self._x_test[0],
            labels=labels,
            probabilities=probabilities,
            class_names=self._data.class_names,
        )

    def _learning_rate(self, epoch: int, _: float) -> float:
        return self._recipe.learning_rate_in(epoch, self._recipe.epochs)

    def _labels(self, labels: Any) -> Any:
        return classifier.labels_for(self.model, labels, len(self._data.class_names))

    def _probabilities(self, x: Any) -> Any:
        return classifier.probabilities(self.model, x, f"the model {self.name}")
