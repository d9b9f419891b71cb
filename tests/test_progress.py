"""What a training shows: on a terminal of 80 columns, in a pipe, with CNNFAST_VERBOSE."""

import fcntl
import os
import pty
import re
import struct
import subprocess
import sys
import termios

import pytest
from support.machine import python_environment, run_python

from cnnfast.callbacks.progress_bar import epoch_line

TRAIN = """
import numpy as np, cnnfast
from cnnfast.layers import Dense
cnnfast.set_random_seed(0)
x = np.random.default_rng(0).normal(size=(400, 6)).astype("float32")
y = (x[:, 0] > 0).astype(int) + (x[:, 1] > 0)
model = cnnfast.Sequential([cnnfast.Input((6,)), Dense(8, activation="relu"), Dense(3, activation="softmax")])
model.compile("adam", "sparse_categorical_crossentropy", metrics=METRICS)
model.fit(x, y, epochs=12, validation_data=(x, y), verbose=VERBOSE)
"""
NUMBER = r"\d+\.\d{4}"
NAMES = ("loss", "accuracy", "val_loss", "val_accuracy")


def _training(verbose: object = "auto", metrics: tuple[str, ...] = ("accuracy",)) -> str:
    return TRAIN.replace("METRICS", repr(list(metrics))).replace("VERBOSE", repr(verbose))


def on_terminal(code: str, columns: int) -> list[str]:
    """What a terminal of so many columns shows at the end, line by line."""
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    environment = {k: v for k, v in python_environment().items() if k not in ("COLUMNS", "LINES")}
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=theirs, stderr=theirs, env=environment
    ) as process:
        os.close(theirs)
        shown = b""
        while True:
            try:
                got = os.read(ours, 1 << 16)
            except OSError:  # Linux's way to say that the other end is closed
                break
            if not got:
                break
            shown += got
    os.close(ours)
    assert process.returncode == 0, shown.decode()
    text = shown.decode().replace("\r\n", "\n")
    lines = []
    for line in text.split("\n"):
        screen = ""
        for part in line.split("\r"):  # what is written over what was there
            screen = part + screen[len(part) :]
        lines.append(screen.rstrip())
        assert all(len(part) <= columns for part in line.split("\r")), line
    return [line for line in lines if line]


@pytest.mark.parametrize("verbose", ["auto", 1])
def test_terminal_of_80_columns_keeps_a_line_an_epoch(verbose: object) -> None:
    lines = on_terminal(_training(verbose), 80)
    assert len(lines) == 12
    short = [name.replace("accuracy", "acc") for name in NAMES]
    for epoch, line in enumerate(lines, 1):
        numbers = "  ".join(f"{name} {NUMBER}" for name in short)
        assert re.fullmatch(rf"Epoch {epoch:>2}/12 +\d+\.\ds  {numbers}", line), line


def test_wide_terminal_has_the_whole_names() -> None:
    line = on_terminal(_training(), 100)[-1]
    assert all(f"  {name} " in line for name in NAMES)


def test_narrow_terminal_says_less() -> None:
    line = on_terminal(_training(), 50)[-1]
    assert re.fullmatch(rf"Epoch 12/12 +\d+\.\ds  loss {NUMBER}  acc {NUMBER}", line)


@pytest.mark.parametrize("verbose", ["auto", 1, 2])
def test_pipe_gets_a_line_an_epoch(verbose: object) -> None:
    lines = run_python(_training(verbose)).splitlines()
    numbers = "  ".join(f"{name} {NUMBER}" for name in NAMES)
    assert len(lines) == 12
    assert re.fullmatch(rf"Epoch  7/12 +\d+\.\ds  {numbers}", lines[6]), lines[6]


def test_quiet_is_quiet() -> None:
    assert run_python(_training(0)) == ""


def test_names_are_shortened_where_they_must() -> None:
    logs = {
        "loss": 1.0,
        "sparse_top_k_categorical_accuracy": 1.0,
        "mean_squared_error": 2e-5,
        "learning_rate": 1e-3,
    }
    whole = epoch_line("E", logs, None)
    assert whole.endswith(
        "sparse_top_k_categorical_accuracy 1.0000  mean_squared_error 2e-05  learning_rate 0.0010"
    )
    assert epoch_line("E", logs, len(whole)) == whole
    assert epoch_line("E", logs, len(whole) - 1) == "E  loss 1.0000  top_k_acc 1.0000  mse 2e-05  lr 0.0010"
    assert epoch_line("E", logs, 30) == "E  loss 1.0000"
    assert epoch_line("Epoch 1/1", logs, 3) == "Epoch 1/1"


PLAN = """
import numpy as np, cnnfast
from cnnfast.layers import Conv2D, Dense, Flatten
layers = [Conv2D(20, 3), Flatten(), Dense(3, activation="softmax")]
model = cnnfast.Sequential([cnnfast.Input((12, 12, 4)), *layers])
model.compile("adam", "sparse_categorical_crossentropy")
for n in (16, 5):
    model.train_on_batch(np.zeros((n, 12, 12, 4), "float32"), np.zeros(n, int))
"""


def _run(code: str, **environment: str) -> "subprocess.CompletedProcess[str]":
    """In a fresh interpreter, whose numbers of threads only these variables say."""
    around = {k: v for k, v in python_environment().items() if not k.endswith("_NUM_THREADS")}
    command = [sys.executable, "-c", code]
    return subprocess.run(command, env={**around, **environment}, capture_output=True, text=True, check=True)


def test_verbose_plans_are_short_and_say_once_what_was_not_possible() -> None:
    lines = _run(PLAN, CNNFAST_VERBOSE="1").stderr.splitlines()
    heads = [line for line in lines if re.fullmatch(r"cnnfast: plan of \d+ steps", line)]
    steps = [line for line in lines if line.endswith((" task", " tasks"))]
    refusals = [line for line in lines if line.startswith("cnnfast:     not by ")]
    assert len(heads) == 2
    assert len(steps) == sum(int(head.split()[3]) for head in heads)
    assert len(lines) == len(heads) + len(steps) + len(refusals)
    assert max(map(len, steps)) <= 80
    assert len(refusals) == len(set(refusals)) >= 1
    assert max(map(len, refusals)) <= 120
    reasons = [line.partition(": ")[2].partition(": ")[2] for line in refusals]
    assert len(reasons) == len(set(reasons)) > 1, "a reason that several have is told once"


@pytest.mark.parametrize("text", ["abc", "0", "-3", "2x", "1025", "99999999999999999999"])
def test_a_number_of_threads_that_is_none_is_told_once(text: str) -> None:
    code = "import cnnfast; print(cnnfast.get_num_threads() == len(__import__('os').sched_getaffinity(0)))"
    code += "; cnnfast.get_num_threads()"
    done = _run(code, CNNFAST_NUM_THREADS=text)
    assert len(done.stderr.splitlines()) == 1
    assert "CNNFAST_NUM_THREADS" in done.stderr
    assert f'"{text}"' in done.stderr


@pytest.mark.parametrize(
    "environment",
    [
        {"CNNFAST_NUM_THREADS": "3"},
        {"CNNFAST_NUM_THREADS": "", "OMP_NUM_THREADS": "3"},
        {"OMP_NUM_THREADS": "3,2"},
    ],
)
def test_numbers_of_threads_from_the_environment(environment: dict[str, str]) -> None:
    done = _run("import cnnfast; print(cnnfast.get_num_threads())", **environment)
    assert (done.stdout, done.stderr) == ("3\n", "")
