"""Logs for TensorBoard, written by tensorboardX."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any

from cnnfast.callbacks.callback import Callback, Logs, one_number
from cnnfast.utils.arguments import not_offered, one_of, whole_number

if TYPE_CHECKING:
    from tensorboardX import SummaryWriter


class TensorBoard(Callback):
    """Writes the numbers of each epoch, and if wanted of batches and weights, for TensorBoard.

    Numbers of training go to `log_dir`/train, those of validation to `log_dir`/validation, by the names that
    Keras gives them: "epoch_loss", "epoch_learning_rate", "batch_loss". Needs tensorboardX, as
    `pip install cnnfast[tensorboard]` brings it.

    Args:
        log_dir: The folder; it is made if it is not there.
        histogram_freq: Epochs from one picture of the weights to the next; 0 for none.
        write_graph: Keras's argument; the graph is not written.
        write_images: Not offered; must be False.
        write_steps_per_second: Not offered; must be False.
        update_freq: "epoch"; or "batch", or batches from one line to the next, for numbers of batches too.
        profile_batch: Not offered; must be 0.
        embeddings_freq: Not offered; must be 0.
        embeddings_metadata: Not offered; must be None.

    Raises:
        ImportError: Before the first epoch, if tensorboardX is not there.
        ValueError: If an argument is out of its range.

    Source:
        Keras 3, `keras.callbacks.TensorBoard`.

    Example:
        >>> TensorBoard("logs/first").log_dir
        'logs/first'
    """

    def __init__(
        self,
        log_dir: str | os.PathLike[str] = "logs",
        histogram_freq: int = 0,
        write_graph: bool = True,
        write_images: bool = False,
        write_steps_per_second: bool = False,
        update_freq: str | int = "epoch",
        profile_batch: int = 0,
        embeddings_freq: int = 0,
        embeddings_metadata: Any = None,
    ) -> None:
        not_offered(
            "TensorBoard",
            write_images=(write_images, False),
            write_steps_per_second=(write_steps_per_second, False),
            profile_batch=(profile_batch, 0),
            embeddings_freq=(embeddings_freq, 0),
            embeddings_metadata=(embeddings_metadata, None),
        )
        self.log_dir = os.fspath(log_dir)
        self.histogram_freq = whole_number(histogram_freq, "histogram_freq", 0)
        self.update_freq = update_freq
        if isinstance(update_freq, str):
            one_of(update_freq, "update_freq", ("epoch", "batch"))
            self._every = 1 if update_freq == "batch" else 0  # batches from one line to the next
        else:
            self._every = whole_number(update_freq, "update_freq", 1)
        self._writers: dict[str, SummaryWriter] = {}

    @property
    def listens_to_batches(self) -> bool:
        """Whether numbers of batches are written."""
        return self._every > 0

    def on_train_begin(self, logs: Logs | None = None) -> None:
        """Opens the files."""
        self.on_train_end()
        self._writer("train")
        self._batches = 0

    def on_train_batch_end(self, batch: int, logs: Logs | None = None) -> None:
        """Writes the numbers of a batch."""
        if self._batches % self._every == 0:
            for name, value in (logs or {}).items():
                self._writer("train").add_scalar(f"batch_{name}", one_number(value), self._batches)
        self._batches += 1

    def on_epoch_end(self, epoch: int, logs: Logs | None = None) -> None:
        """Writes the numbers of an epoch, and pictures of the weights if it is their turn."""
        for name, value in {"learning_rate": self.model.optimizer.learning_rate, **(logs or {})}.items():
            place = "validation" if name.startswith("val_") else "train"
            self._writer(place).add_scalar(f"epoch_{name.removeprefix('val_')}", one_number(value), epoch)
        if self.histogram_freq and epoch % self.histogram_freq == 0:
            for weight in self.model.weights:
                self._writer("train").add_histogram(weight.name, weight.numpy(), epoch)
        for writer in self._writers.values():
            writer.flush()

    def on_train_end(self, logs: Logs | None = None) -> None:
        """Closes the files."""
        for writer in self._writers.values():
            writer.close()
        self._writers = {}

    def _writer(self, place: str) -> SummaryWriter:
        if place not in self._writers:
            try:
                from tensorboardX import SummaryWriter
            except ImportError as error:
                raise ImportError("install tensorboardX: pip install cnnfast[tensorboard]") from error
            self._writers[place] = SummaryWriter(os.path.join(self.log_dir, place))
        return self._writers[place]
