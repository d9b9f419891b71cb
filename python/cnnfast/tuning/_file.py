"""The tuning file: JSON, for any number of processors and versions.

    {"format": 1, "machines": {"<processor>, cnnfast <version>": {
        "cores": {"<instruction set>": {"flops": <a second>, "bandwidth": <bytes a second>}},
        "seconds": {"<convolution>": {"<algorithm>": <seconds>}}}}}

The core makes the names of convolutions. Of the algorithms only those listed are chosen: a line may be taken
out by hand. Reading runs no code from the file.
"""

from __future__ import annotations

import json
import sys
import warnings
from pathlib import Path
from typing import Any

from cnnfast import _core
from cnnfast.models.files import locked, written_at_once
from cnnfast.tuning._start import tuning_path

_FORMAT = 1
_MOST_BYTES = 1 << 24  # a hundred thousand convolutions

Content = dict[str, Any]


class TuningFileError(ValueError):
    """A file that is damaged, or is not a tuning file of this format."""


def read(path: Path) -> Content:
    """Returns the file's content with this machine's part checked; an empty one where there is no file.

    Raises:
        TuningFileError: If the file cannot be used.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise ValueError("it is too long")
        content = json.loads(path.read_text("utf-8"))
        _check(content)
    except FileNotFoundError:
        return {"format": _FORMAT, "machines": {}}
    except (OSError, ValueError, RecursionError) as error:
        raise TuningFileError(
            f"{path} is not a tuning file that this version of cnnfast can use ({error}); remove it, or name "
            "another with CNNFAST_TUNE_FILE"
        ) from error
    checked: Content = content
    return checked


def load(path: Path) -> None:
    """Has the core plan by the file, if there is one; warns of one that cannot be used, and goes on."""
    try:
        part = read(path)["machines"].get(_machine())
    except TuningFileError as error:
        warnings.warn(f"planning without tuning: {error}", stacklevel=2)
        return
    if part is not None:
        cores = {isa: (core["flops"], core["bandwidth"]) for isa, core in part["cores"].items()}
        _core.set_tuning(part["seconds"], cores)


def save(path: Path) -> None:
    """Adds what the core has learnt to the file, which appears at once and complete.

    Processes that do so together wait for each other, so that the file has what all of them learnt.

    Raises:
        TuningFileError: If there is a file that cannot be used.
        OSError: If it cannot be written.
    """
    seconds, cores = _core.get_tuning()
    path.parent.mkdir(parents=True, exist_ok=True)
    with locked(path.with_name(path.name + ".lock")):
        content = read(path)
        part = content["machines"].setdefault(_machine(), {"cores": {}, "seconds": {}})
        for name, times in seconds.items():
            part["seconds"].setdefault(name, {}).update(times)
        part["cores"].update({isa: {"flops": f, "bandwidth": b} for isa, (f, b) in cores.items()})
        with written_at_once(path) as file:
            file.write(json.dumps(content, indent=1, sort_keys=True).encode())


def save_at_exit() -> None:
    """Has the file written when the process ends, if the core has learnt something by then."""
    import atexit

    known = _core.get_tuning()

    def save_if_changed() -> None:
        if _core.get_tuning() == known:
            return
        path = Path(tuning_path())
        try:
            save(path)
        except (OSError, TuningFileError) as error:
            warnings.warn(f"what was tuned is lost: {error}", stacklevel=1)

    atexit.register(save_if_changed)


def _machine() -> str:
    info = _core.build_info()
    return f"{info['cpu']}, cnnfast {info['version']}"


def _check(content: Any) -> None:
    if not isinstance(content, dict) or content.get("format") != _FORMAT:
        raise ValueError(f'it lacks "format": {_FORMAT}')
    machines = _mapping(content.get("machines"), '"machines"')
    if _machine() not in machines:
        return
    part = machines[_machine()]
    name = f"the part {_machine()!r}"
    cores = _mapping(_mapping(part, name).get("cores"), f'"cores" of {name}')
    for core in cores.values():
        _numbers(core, f"a core of {name}")
        if core.keys() != {"flops", "bandwidth"}:
            raise ValueError(f'a core of {name} must have "flops" and "bandwidth"')
    for algorithms in _mapping(part.get("seconds"), f'"seconds" of {name}').values():
        _numbers(algorithms, f"a convolution of {name}")


def _mapping(value: Any, name: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise ValueError(f"{name} must be an object")
    for key in value:
        key.encode()  # raises where half a character stands
    return value


def _numbers(value: Any, name: str) -> None:
    for number in _mapping(value, name).values():
        if type(number) not in (int, float) or not 0 < number <= sys.float_info.max:
            raise ValueError(f"{name} must hold positive numbers, got {number!r}")
    if not value:
        raise ValueError(f"{name} must not be empty")
