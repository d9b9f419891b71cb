"""What happens before the first network of a process: the tuning file is read, once."""

from __future__ import annotations

import functools
import os

from cnnfast import _core
from cnnfast.utils.cache import cache_folder


def new_network(
    graph: _core.Graph,
    outputs: int | list[int],
    workspace: _core.Workspace | None = None,
    state: _core.TrainingState | None = None,
) -> _core.Network:
    """Makes a network that is planned by the tuning file, if there is one.

    Without a state it is the processor's, whatever models compute on.
    """
    read_tuning()
    outputs = [outputs] if isinstance(outputs, int) else outputs
    return _core.Network(graph, outputs, workspace, state or _core.TrainingState("cpu"))


def tuning_path() -> str:
    """Returns where the tuning file is, or is to be."""
    return os.environ.get("CNNFAST_TUNE_FILE") or os.path.join(cache_folder(), "tune.json")


@functools.cache
def read_tuning() -> None:
    """Has networks planned by the tuning file, and by what `CNNFAST_TUNE` says of it.

    Raises:
        ValueError: If the variable has another value than 0 and 1.
    """
    wanted = os.environ.get("CNNFAST_TUNE", "")
    if wanted not in ("", "0", "1"):
        raise ValueError(
            f"CNNFAST_TUNE must be 0 (ignore the tuning file), 1 (tune what it does not know) or unset, got "
            f"{wanted!r}"
        )
    if wanted == "0":
        return
    path = tuning_path()
    if wanted != "1" and not os.path.exists(path):
        return  # as a rule; and importing what reads the file takes longer than planning a network
    from pathlib import Path

    from cnnfast.tuning import _file

    _file.load(Path(path))
    if wanted == "1":
        _core.set_tunes_when_planning(True)
        _file.save_at_exit()
