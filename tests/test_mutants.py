"""Damaged files, thousands of them: refused or the same; no crash, no hang, no memory, one kind of error.

A sample runs each time; `pytest tests/test_mutants.py --sweep-all` loads all 20,000.
"""

import json
import os
import select
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import mutants
from support.machine import python_environment

SECONDS = 5.0
CHUNKS = range(200)


class Loader:
    """A process that loads mutants; a new one where one crashed or hung."""

    def __init__(self, folder: Path) -> None:
        mutants.make_models(folder)
        self._folder = folder
        self._process: Any = None

    def outcome(self, number: int) -> tuple[str, float, str]:
        """What became of a mutant."""
        if self._process is None:
            command = [sys.executable, "-m", "support.mutants", str(self._folder)]
            environment = python_environment(PYTHONPATH=os.pathsep.join(p for p in sys.path if p))
            self._process = subprocess.Popen(
                command, env=environment, stdin=subprocess.PIPE, stdout=subprocess.PIPE
            )
            self._ask(-1, 60)  # starting takes its time
        return self._ask(number, 10 * SECONDS)  # the machine may be busy; its own time is held to SECONDS

    def _ask(self, number: int, seconds: float) -> tuple[str, float, str]:
        process = self._process
        process.stdin.write(b"%d\n" % number)
        process.stdin.flush()
        if select.select([process.stdout], [], [], seconds)[0] and (line := process.stdout.readline()):
            outcome, taken, kind = json.loads(line)
            return (f"WRONG time: {taken} s" if taken > SECONDS else outcome), taken, kind
        self.close()
        return f"WRONG crash or hang: exit status {process.returncode}", seconds, "?"

    def close(self) -> None:
        """Ends the process."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None


@pytest.fixture(scope="module")
def loader(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Loader]:
    """The process for all tests of this file."""
    made = Loader(tmp_path_factory.mktemp("mutants"))
    yield made
    made.close()


@pytest.mark.sweep(CHUNKS)
def test_mutants(loader: Loader, case: int) -> None:
    first = case * mutants.PER_CHUNK
    outcomes = {number: loader.outcome(number) for number in range(first, first + mutants.PER_CHUNK)}
    wrong = {number: found for number, found in outcomes.items() if found[0].startswith("WRONG")}
    assert not wrong, "; ".join(f"{number}: {found[0]} ({found[2]})" for number, found in wrong.items())


def test_sound_files_pass(loader: Loader) -> None:
    """What is refused is refused for its damage."""
    assert [loader.outcome(-1 - file)[0] for file in range(6)] == ["same"] * 6


def test_the_net_catches(loader: Loader) -> None:
    """A process that ends while it loads is told as such, and the next mutant gets a new one."""
    loader.outcome(0)
    loader._process.send_signal(signal.SIGSTOP)  # it is told the number, and ends before it answers
    threading.Timer(0.2, loader._process.kill).start()
    assert loader.outcome(0)[0] == f"WRONG crash or hang: exit status {-signal.SIGKILL}"
    assert not loader.outcome(0)[0].startswith("WRONG")
