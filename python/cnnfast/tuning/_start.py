"""What happens before the first network of a process: the tuning file is read, once."""

from __future__ import annotations

import functools
import os

from cnnfast import _core


def new_network(
    graph: _core.Graph,
    outputs: int | list[int],
    workspace: _core.Workspace | None = None,
    state: _core.TrainingState | None = None,
) -> _core.Network:
    """Makes a network that is planned by the tuning file, if there is one."""
    read_tuning()
    return _core.Network(graph, [outputs] if isinstance(outputs, int) else outputs, workspace, state)


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
    from cnnfast.tuning import _file

    _file.load(_file.tuning_path())
    if wanted == "1":
        _core.set_tunes_when_planning(True)
        _file.save_at_exit()
