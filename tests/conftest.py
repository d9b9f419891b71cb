"""Options, fixtures and the final check that every instruction set of this machine was exercised.

--sweep-sample=N  a fixed-seed sample of N problems from each long list (default 40)
--sweep-all       every problem of every list; takes long
--device=cuda     models compute there, in float32: an oracle's test of the CPU becomes one of that device
"""

import os
import random
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from support.machine import expected_isas

from cnnfast import _core

# What someone tuned on this machine must not decide what the tests run.
os.environ["CNNFAST_TUNE"] = "0"

# Of use beside Keras on the backend that test_keras.py asks for, or beside PyTorch.
collect_ignore = ["conformance/keras_case.py", "conformance/torch_suite.py"]

_SWEEP_SEED = 20261
_exercised: set[str] = set()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("cnnfast")
    group.addoption("--sweep-sample", type=int, default=40, help="problems taken from each sweep")
    group.addoption("--sweep-all", action="store_true", help="take every problem of each sweep")
    group.addoption("--device", default="cpu", help="where models compute")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """`@pytest.mark.sweep(cases)` on a test with an argument `case` runs it over a sample of `cases`."""
    marker = metafunc.definition.get_closest_marker("sweep")
    if marker is None:
        return
    cases: list[Any] = list(marker.args[0])
    count = metafunc.config.getoption("sweep_sample")
    if not metafunc.config.getoption("sweep_all") and count < len(cases):
        cases = random.Random(_SWEEP_SEED).sample(cases, count)
    metafunc.parametrize("case", cases, ids=str)


def _each_isa(request: pytest.FixtureRequest) -> Iterator[str]:
    before = _core.get_isa()
    _core.set_isa(request.param)
    request.node.user_properties.append(("isa", request.param))
    yield request.param
    _core.set_isa(before)


@pytest.fixture(params=_core.available_isas())
def bf16_isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """Runs the test once with each instruction set that the machine and the build have."""
    yield from _each_isa(request)


@pytest.fixture(params=[name for name in _core.available_isas() if name != "avx512_bf16"])
def isa(request: pytest.FixtureRequest) -> Iterator[str]:
    """The same without avx512_bf16, whose kernels are those of avx512 unless they read bfloat16."""
    yield from _each_isa(request)


@pytest.fixture(autouse=True)
def _device(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    device = request.config.getoption("device")
    if device == "cpu":
        yield
        return
    import cnnfast
    from cnnfast.tuning import _start

    # Words on arrays are the processor's otherwise.
    there = SimpleNamespace(Network=_core.Network, TrainingState=lambda _: _core.TrainingState(None))
    monkeypatch.setattr(_start, "_core", there)
    before = cnnfast.get_precision()
    cnnfast.set_device(device)
    cnnfast.set_precision("exact")
    yield
    cnnfast.set_precision(before)
    cnnfast.set_device("cpu")


@pytest.fixture
def precision() -> Iterator[Callable[[Any], None]]:
    """Sets the class of precision; the old one comes back afterwards."""
    import cnnfast

    before = cnnfast.get_precision()
    yield cnnfast.set_precision
    cnnfast.set_precision(before)


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Sets the number of threads; the old number comes back afterwards."""
    before = _core.get_num_threads()
    yield _core.set_num_threads
    _core.set_num_threads(before)


@pytest.fixture
def image_data_format() -> Iterator[Callable[[str], None]]:
    """Sets the default data format; the old one comes back afterwards."""
    import cnnfast

    before = cnnfast.image_data_format()
    yield cnnfast.set_image_data_format
    cnnfast.set_image_data_format(before)


@pytest.fixture
def data_folder() -> Callable[[str], Path]:
    """Finds a folder in $CNNFAST_DATA; without it the test is skipped, or fails where CI is set."""

    def find(name: str) -> Path:
        root = os.environ.get("CNNFAST_DATA")
        folder = Path(root or ".") / name
        if root and folder.is_dir():
            return folder
        message = f"needs the folder {name!r} in $CNNFAST_DATA, which is {root or 'not set'}"
        if os.environ.get("CI"):
            pytest.fail(message)
        pytest.skip(message)

    return find


def pytest_runtest_logreport(report: pytest.TestReport) -> None:
    if report.when == "call" and report.passed:
        _exercised.update(value for name, value in report.user_properties if name == "isa")


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """A whole run in which an instruction set of this machine was never exercised is a failed run."""
    config = session.config
    is_worker = hasattr(config, "workerinput")
    here = Path(__file__).parent
    whole = any(Path(argument).resolve() in (here, here.parent) for argument in config.args)
    narrowed = config.option.keyword or config.option.markexpr or config.option.collectonly
    if is_worker or narrowed or not whole or exitstatus != pytest.ExitCode.OK:
        return
    missing = sorted(expected_isas() - _exercised)
    if missing:
        message = f"\nNever exercised on this machine: {', '.join(missing)}"
        config.get_terminal_writer().line(message, red=True)
        session.exitstatus = pytest.ExitCode.TESTS_FAILED
