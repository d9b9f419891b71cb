"""How a process ends, forks or lacks threads while the engine works: quietly, and with right results."""

import os
import subprocess
import sys

import pytest
from support.machine import run_python

SETUP = """
import os, signal, sys, threading, time, warnings
import numpy as np
import cnnfast
from support.training import data, network
cnnfast.set_num_threads({threads})
built, _ = network("lanes")
x, y = data("lanes")
built.train_step(x, y)
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork beside threads
"""

DAEMON = """
started = threading.Event()
def work():
    while True:
        {call}
        started.set()
for _ in range({workers}):
    threading.Thread(target=work, daemon=True).start()
started.wait()
time.sleep({delay})
print("left")
"""


@pytest.mark.parametrize("call", ["built.predict(x)", "built.train_step(x, y)", "built.memory(7, 'predict')"])
@pytest.mark.parametrize("threads", [1, 2])
def test_daemon_threads_at_the_end(call: str, threads: int) -> None:
    """The interpreter ends while two threads use the model: ten times of ten it does so with status 0."""
    for turn in range(10):
        code = SETUP.format(threads=threads) + DAEMON.format(call=call, workers=2, delay=turn * 0.003)
        assert run_python(code, timeout=60) == "left\n"


def test_daemon_thread_that_fits() -> None:
    code = """
import threading, time
import numpy as np
import cnnfast
from cnnfast import layers
model = cnnfast.Sequential([layers.Dense(64, input_shape=(64,)), layers.Dense(2, "softmax")])
model.compile("adam", "sparse_categorical_crossentropy")
x, y = np.zeros((4096, 64), np.float32), np.zeros(4096, np.int32)
threading.Thread(target=lambda: model.fit(x, y, epochs=10**6, verbose=0), daemon=True).start()
time.sleep(0.3)
print("left")
"""
    for _ in range(5):
        assert run_python(code, timeout=60) == "left\n"


def test_last_words() -> None:
    """What runs after the other threads were stopped can still use the engine: earlier exit handlers."""
    code = (
        "import atexit\natexit.register(lambda: print(built.predict(x).shape))\n"
        + SETUP.format(threads=2)
        + DAEMON.format(call="built.predict(x)", workers=1, delay=0.01)
    )
    assert run_python(code, timeout=60).startswith("left\n(")


FORK = """
expected = built.predict(x).tobytes()
stop = threading.Event()
def work():
    while not stop.is_set():
        {call}
workers = [threading.Thread(target=work) for _ in range(2)]
for worker in workers:
    worker.start()
ended = []
for turn in range(40):
    child = os.fork()
    if child == 0:
        signal.alarm(20)  # a child that hangs is killed and so noticed
        same = {check}
        built.train_step(x, y)
        os._exit(0 if same else 3)
    ended.append(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
    time.sleep(0.001)
stop.set()
for worker in workers:
    worker.join()
print(ended.count(0))
"""


@pytest.mark.parametrize(
    ("call", "check"),
    [
        ("built.predict(x)", "built.predict(x).tobytes() == expected"),
        ("built.train_step(x, y)", "np.isfinite(built.predict(x)).all()"),
        ("cnnfast._core.get_tuning(), built.memory(3, 'predict')", "built.predict(x).tobytes() == expected"),
    ],
)
def test_fork_beside_threads_that_work(call: str, check: str) -> None:
    """Forty children of forty find every lock free, and the model as it is between two steps."""
    code = SETUP.format(threads=2) + FORK.format(call=call, check=check)
    assert run_python(code, timeout=120) == "40\n"


def test_child_ends_as_any_process() -> None:
    """A child that leaves through the interpreter's end does not wait for its parent's threads."""
    code = (
        SETUP.format(threads=2)
        + """
started = threading.Event()
def work():
    while not started.is_set():
        built.predict(x)
worker = threading.Thread(target=work)
worker.start()
child = os.fork()
if child == 0:
    signal.alarm(20)
    print("child", built.predict(x).shape[0], flush=True)
    sys.exit(0)
print("status", os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
started.set()
worker.join()
"""
    )
    assert run_python(code, timeout=60).split("\n")[:2] == ["child 200", "status 0"]


def test_subinterpreter() -> None:
    """The import says what is wrong; it used to hang."""
    code = """
try:
    import _interpreters as interpreters
except ImportError:
    import _xxsubinterpreters as interpreters
made = interpreters.create()
script = '''
try:
    import cnnfast
except ImportError as error:
    print(error)
'''
failure = interpreters.run_string(made, script)
print(failure)
"""
    out = run_python(code, timeout=30, PYTHONWARNINGS="ignore")
    assert "subinterpreter" in out
    assert out.rstrip().endswith("None")


NO_THREADS = """
import resource
{limit}
print(threads_can_be_had())
print(built.predict(x).tobytes() == expected and np.isfinite(built.train_step(x, y)).all())
"""

CAN_BE_HAD = """
def threads_can_be_had():
    try:
        threading.Thread(target=time.sleep, args=(0,)).start()
    except RuntimeError:
        return False
    return True
cnnfast.set_num_threads(1)
expected = built.predict(x).tobytes()
cnnfast.set_num_threads(4)
"""


def test_where_no_thread_can_be_had() -> None:
    """The caller's thread does all the work then, with the same bits; OpenMP would end the process."""
    # The limit counts nothing for root.
    limit = "os.getuid() or os.setuid(65534)\nresource.setrlimit(resource.RLIMIT_NPROC, (1, 1))"
    code = SETUP.format(threads=1) + CAN_BE_HAD + NO_THREADS.format(limit=limit)
    assert run_python(code, timeout=60).split() == ["False", "True"]


def test_command_ends_with_its_threads() -> None:
    """`python -c` with a broken pipe or an error beside a working thread still ends at once."""
    code = SETUP.format(threads=2) + DAEMON.format(call="built.predict(x)", workers=1, delay=0.0)
    code += "raise ValueError('told')\n"
    path = os.pathsep.join([os.path.dirname(__file__), *(p for p in sys.path if p)])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
        timeout=60,
    )
    assert done.returncode == 1
    assert done.stderr.rstrip().endswith("ValueError: told")


def test_fork_beside_locks_that_are_held() -> None:
    """A child finds the locks of the Python side free, too: it compiles, plans and reads pictures."""
    code = """
import os, signal, tempfile, threading, warnings
import numpy as np
from PIL import Image
import cnnfast
from cnnfast import layers
from cnnfast.utils import image_file
warnings.simplefilter("ignore", DeprecationWarning)  # Python 3.12 warns of any fork beside threads
model = cnnfast.Sequential([cnnfast.Input((None, 1)), layers.Conv1D(2, 3)])
model.predict(np.zeros((1, 8, 1)))
held, done = threading.Event(), threading.Event()
def hold():
    with model._lock, model._networks._lock, image_file._opening._lock:
        held.set()
        done.wait()
holder = threading.Thread(target=hold)
holder.start()
held.wait()
child = os.fork()
if child == 0:
    signal.alarm(20)  # a child that hangs is killed and so noticed
    model.compile("sgd", "mse")
    shape = model.predict(np.zeros((1, 9, 1)), verbose=0).shape
    with tempfile.NamedTemporaryFile(suffix=".png") as file:
        Image.new("L", (4, 4)).save(file.name)
        image_file.read_image(image_file.Path(file.name), (4, 4), 1)
    os._exit(0 if shape == (1, 7, 2) else 3)
print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]))
done.set()
holder.join()
"""
    assert run_python(code, timeout=60) == "0\n"
