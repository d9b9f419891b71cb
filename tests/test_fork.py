"""Processes and threads around the engine: a forked child and two Python threads at once."""

import threading

import numpy as np
from support.machine import run_python
from support.training import data, network

FORK = """
import os, signal, sys, warnings
import numpy as np
import cnnfast
from support.training import data, network
cnnfast.set_num_threads(2)
built, _ = network("lanes")
x, y = data("lanes")
built.train_step(x, y)
expected = built.predict(x)
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork beside threads
child = os.fork()
if child == 0:
    signal.alarm(20)  # a child that hangs is killed and so noticed
    same = built.predict(x).tobytes() == expected.tobytes()
    losses = built.train_step(x, y)
    os._exit(0 if same and np.isfinite(losses).all() else 3)
status = os.waitpid(child, 0)[1]
print("child", os.waitstatus_to_exitcode(status))
print("parent", built.predict(x).tobytes() == expected.tobytes())
"""


def test_forked_child_runs_and_does_not_hang() -> None:
    assert run_python(FORK, timeout=60).split("\n")[:2] == ["child 0", "parent True"]


def test_two_python_threads_at_once() -> None:
    """Two models from two threads give the bits that each gives alone."""

    def train(kind: str, out: list[bytes]) -> None:
        built, _ = network(kind)
        x, y = data(kind)
        for _ in range(15):
            built.train_step(x, y)
        out.append(built.predict(x).tobytes())

    alone: dict[str, list[bytes]] = {kind: [] for kind in ("lanes", "mlp")}
    for kind, out in alone.items():
        train(kind, out)
    together: dict[str, list[bytes]] = {kind: [] for kind in alone}
    workers = [threading.Thread(target=train, args=item) for item in together.items()]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert together == alone


def test_one_network_from_two_threads() -> None:
    """Predictions of one network from several threads are right, whether they overlap or take turns."""
    built, _ = network("lanes")
    x, _ = data("lanes")
    expected = [built.predict(x[:n]).tobytes() for n in (10, 50, 120)]
    wrong: list[int] = []

    def work(which: int, n: int) -> None:
        for _ in range(20):
            if built.predict(x[:n]).tobytes() != expected[which]:
                wrong.append(n)

    workers = [threading.Thread(target=work, args=(k % 3, (10, 50, 120)[k % 3])) for k in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert not wrong


def test_callers_floating_point_state_is_restored() -> None:
    """Denormals are flushed inside the engine's threads only."""
    tiny = np.float32(1e-40)
    built, _ = network("mlp")
    x, y = data("mlp")
    built.train_step(x, y)
    assert (np.full(64, tiny) * np.float32(1)).max() == tiny
