"""Measured tuning: how long each algorithm takes here, kept in a small file for later processes.

Without it a plan follows from shapes alone. With it, a plan goes by the times in the file. They are kept for
each processor, version of cnnfast, instruction set, class of precision and shape of a convolution. The number
of threads is not among them: results must not depend on it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from cnnfast.tuning._start import new_network, read_tuning, tuning_path
from cnnfast.utils.arguments import whole_number

if TYPE_CHECKING:
    from cnnfast.models.base import BaseModel


def tune(model: BaseModel, batch_size: int = 32, training: bool = False) -> dict[str, str]:
    """Times all algorithms for a model's convolutions and has them planned by these times from now on.

    Every algorithm that takes one of the convolutions in the present class of precision is timed on random
    images, on one thread, for about half a second; the model does not change. The times are kept in a file,
    `$CNNFAST_TUNE_FILE`, else `cnnfast/tune.json` in `$XDG_CACHE_HOME` or `~/.cache`. Every later process
    plans by them, without timing anything, unless `CNNFAST_TUNE=0` is set. With `CNNFAST_TUNE=1` a process
    tunes what it plans where the file knows nothing of it, and writes the file when it ends.

    Another algorithm rounds otherwise: a tuned network's results may differ in bits from those of an untuned
    one, or of one that was tuned elsewhere, within its class of precision. They never depend on the number of
    threads. Where Winograd is chosen, a NaN or a huge pixel reaches the whole tile (see
    `cnnfast.set_precision`).

    Args:
        model: The model; its input's shape must be known.
        batch_size: The number of samples in the batches to come; other sizes are planned as before.
        training: Whether for training, which needs a compiled model, or for prediction.

    Returns:
        The algorithm of each convolution in the new plan, by the layer's name.

    Raises:
        ValueError: If the file is damaged or not ours; nothing was then timed or changed.
        OSError: If the file cannot be written; the times then hold for this process.

    Example:
        >>> import os, pathlib, tempfile
        >>> import cnnfast
        >>> from cnnfast.layers import Conv2D
        >>> model = cnnfast.Sequential([Conv2D(4, 3, input_shape=(8, 8, 1), name="tuned")])
        >>> with tempfile.TemporaryDirectory() as folder:
        ...     os.environ["CNNFAST_TUNE_FILE"] = str(pathlib.Path(folder, "tune.json"))
        ...     list(cnnfast.tune(model, batch_size=1))
        ...     del os.environ["CNNFAST_TUNE_FILE"]
        ['tuned']
    """
    from pathlib import Path

    from cnnfast.tuning import _file

    batch = whole_number(batch_size, "batch_size", 1)
    if training:
        model._needs_compile("tune with training=True")
    path = Path(tuning_path())
    _file.read(path)
    network = model.network
    mode: Literal["train", "predict"] = "train" if training else "predict"
    network.tune(batch, mode)
    _file.save(path)
    return {
        step["name"]: step["algorithm"]
        for step in network.plan(batch, mode)
        if step["op"] == "conv2d" and step["direction"] == "forward"
    }


__all__ = ["new_network", "read_tuning", "tune", "tuning_path"]
