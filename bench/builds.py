"""Two revisions of cnnfast side by side: what a change did to small nets' steps, the import and the wheel.

    python -m bench.builds REVISION             REVISION against HEAD
    python -m bench.builds REVISION --to OTHER  against OTHER

Each revision is built into a wheel in a folder of its own and installed into an environment of its own; this
checkout's bench/ drives both. They take turns, so that what a neighbour does falls on both alike, and the
fastest turns are compared: a neighbour only adds.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from fnmatch import fnmatch
from functools import partial
from pathlib import Path

from bench.compare import networks
from bench.compare.driver import Process
from bench.compare.workloads import WORKLOADS, Workload
from bench.gates.package import import_seconds

ROOT = Path(__file__).resolve().parents[1]
MIB = float(1 << 20)


@dataclass(frozen=True)
class Build:
    """A revision, installed."""

    revision: str
    python: Path
    wheel_bytes: int


def main() -> None:
    """Builds both, measures, and prints a line for each figure: before, after, and their ratio."""
    arguments = _parse()
    with tempfile.TemporaryDirectory() as passing:
        folder = arguments.folder or Path(passing)
        builds = [_build(revision, folder) for revision in (arguments.revision, arguments.to)]
        _tell("wheel", [build.wheel_bytes / MIB for build in builds], "MiB")
        imports = [partial(import_seconds, build.python) for build in builds]
        _tell("import, beyond NumPy", _turns(imports, arguments.rounds), "s")
        for workload in WORKLOADS:
            if workload.network in networks.SMALL and fnmatch(str(workload), arguments.workloads):
                best = [float("inf")] * len(builds)
                for _ in range(arguments.processes):
                    with _ready(builds, workload, arguments) as timers:
                        best = list(map(min, best, _turns(timers, arguments.rounds)))
                _tell(str(workload), best, "s")


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench.builds", description=__doc__.split("\n\n")[0])
    parser.add_argument("revision", help="the one before, as git names it")
    parser.add_argument("--to", default="HEAD", metavar="OTHER", help="the one after; default: HEAD")
    parser.add_argument("--workloads", default="*", metavar="PATTERN", help="such as 'lenet5/*'")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=15, help="turns of each build")
    parser.add_argument("--processes", type=int, default=3, help="of each build: where memory lies is chance")
    parser.add_argument("--seconds", type=float, default=0.1, help="length of a turn")
    parser.add_argument("--processor-time", action="store_true", help="on a machine that others use")
    parser.add_argument("--folder", type=Path, help="keeps the builds there, and takes those that are there")
    return parser.parse_args()


def _build(revision: str, folder: Path) -> Build:
    """The revision's wheel, made from its own files, in an environment with nothing else but NumPy."""
    commit = _output("git", "rev-parse", "--short", revision).strip().decode()
    source, environment, wheels = (folder / commit / name for name in ("source", "venv", "wheels"))
    python = environment / "bin" / "python"
    if not wheels.exists():
        source.mkdir(parents=True)
        subprocess.run(["tar", "-x", "-C", source], input=_output("git", "archive", commit), check=True)
        subprocess.run([sys.executable, "-m", "venv", environment], check=True)
        pip = (str(python), "-m", "pip", "-q", "--disable-pip-version-check")
        subprocess.run([*pip, "wheel", "--no-deps", "-w", wheels, source], check=True)
        subprocess.run([*pip, "install", *wheels.glob("*.whl")], check=True)
    (wheel,) = wheels.glob("*.whl")
    return Build(commit, python, wheel.stat().st_size)


def _output(*command: str) -> bytes:
    return subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE).stdout


@contextmanager
def _ready(
    builds: list[Build], workload: Workload, arguments: argparse.Namespace
) -> Iterator[list[Callable[[], float]]]:
    """For each build a function that takes a turn and tells its time."""
    with ExitStack() as stack:
        timers: list[Callable[[], float]] = []
        for build in builds:
            worker = Process("cnnfast", arguments.threads, arguments.processor_time, build.python)
            stack.callback(worker.close)
            answer = worker.ask("prepare", workload=str(workload), dropout=True, steps=1)
            if "error" in answer:
                raise RuntimeError(f"{build.revision}, {workload}: {answer['error']}")
            timers.append(partial(_turn, worker, arguments.seconds))
        yield timers


def _turn(worker: Process, seconds: float) -> float:
    return float(worker.ask("time", seconds=seconds)["seconds"])


def _turns(timers: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    """The fastest of each one's turns; who begins changes."""
    best = [float("inf")] * len(timers)
    for turn in range(rounds):
        for at in range(len(timers)):
            who = (turn + at) % len(timers)
            best[who] = min(best[who], timers[who]())
    return best


def _tell(what: str, figures: list[float], unit: str) -> None:
    before, after = figures
    print(
        f"{what}: {before:.4g} {unit} before, {after:.4g} {unit} after ({after / before - 1:+.1%})",
        flush=True,
    )


if __name__ == "__main__":
    main()
