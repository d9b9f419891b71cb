"""Processes and threads around the engine: a forked child and two Python threads at once."""

import threading
from pathlib import Path

import numpy as np
import pytest
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


BUSY_FORKS = """
import os, signal, threading, warnings
import numpy as np
import cnnfast
from cnnfast import ops
from support.training import data, network
warnings.simplefilter("ignore", DeprecationWarning)
x, kernel = np.ones((16, 32, 32, 8), np.float32), np.ones((3, 3, 8, 8), np.float32)
model = cnnfast.Sequential([cnnfast.Input((4,)), cnnfast.layers.Dense(2)])
small, _ = network("mlp")
python = cnnfast.layers.Lambda(lambda x: ops.numpy_function(np.tanh, x))
calling = cnnfast.Sequential([cnnfast.Input((4,)), python, cnnfast.layers.Dense(2)])
calling.compile(loss="mse")

def convolve():
    ops.conv(x, kernel)

def compile_and_save():
    model.compile(loss="mse")
    model.save(PATH)

def call_python():  # which a fork in another thread may have to wait for with Python's lock
    calling.fit(np.ones((640, 4)), np.ones((640, 2)), verbose=0)

def ask():  # in and out of the library as often as can be
    for _ in range(1000):
        small.step

def forever(work):
    while True:
        work()

work = globals()[WORK]
work()
for _ in range(THREADS):
    threading.Thread(target=forever, args=(work,), daemon=True).start()
codes = []
for _ in range(FORKS):
    child = os.fork()
    if child == 0:
        signal.alarm(20)
        work()
        grandchild = os.fork()  # waits until nobody works: the child must have counted right
        if grandchild == 0:
            signal.alarm(20)
            work()
            os._exit(0)
        os._exit(os.waitstatus_to_exitcode(os.waitpid(grandchild, 0)[1]))
    codes.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
print(set(codes), flush=True)
os._exit(0)
"""


@pytest.mark.parametrize(
    ("work", "threads", "forks"),
    [("convolve", 2, 5), ("compile_and_save", 2, 20), ("call_python", 2, 20), ("ask", 8, 30)],
)
def test_forks_beside_threads_that_work(work: str, threads: int, forks: int, tmp_path: Path) -> None:
    """Children and theirs find every lock free, whatever the parent's threads were doing."""
    code = f"PATH, WORK, THREADS, FORKS = {str(tmp_path / 'm.cnnfast')!r}, {work!r}, {threads}, {forks}\n"
    code += BUSY_FORKS
    assert run_python(code, timeout=120).strip() == "{0}"


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
