"""PyTorch's OpInfo samples of what convolutional networks use, said in our words.

`torch_layers` and `torch_losses` say them. Each sample is computed forward and backward and compared with
torch's float64; what torch refuses must be refused. What no word says is listed in `torch_word`, with why.
`opinfo_counts.json` holds how many samples of each function pass, how many are left for which reason, and how
many errors are asked for.

pip install 'cnnfast[conformance]' torch==2.13.0 && pytest tests/conformance/test_opinfo.py
"""

import importlib
import json
from collections import Counter
from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest
from conformance.torch_word import DO_NOT_APPLY, EXCEPTIONS, NO_WORD, NotSaidError

from cnnfast import _core

TORCH = "2.13.0"  # other versions have other samples
try:
    found = version("torch").partition("+")[0]
except PackageNotFoundError:
    found = "none"
if found != TORCH:
    pytest.skip(f"the samples are in torch {TORCH}, got {found}", allow_module_level=True)

pytestmark = [pytest.mark.peers, pytest.mark.filterwarnings("default")]

COUNTS: dict[str, dict[str, int]] = json.loads((Path(__file__).parent / "opinfo_counts.json").read_text())


@pytest.fixture(scope="module")
def suite() -> Iterator[Any]:
    """What needs torch, which is slow to import; on one thread, as samples are small."""
    threads = _core.get_num_threads()
    _core.set_num_threads(1)
    yield importlib.import_module("conformance.torch_suite")
    _core.set_num_threads(threads)


@pytest.mark.parametrize("name", COUNTS)
def test_samples(name: str, suite: Any) -> None:
    counts: Counter[str] = Counter()
    for place, sample in enumerate(suite.samples(name)):
        try:
            suite.check(name, sample)
            counts["pass"] += 1
        except NotSaidError as reason:
            counts[str(reason)] += 1
        except Exception as error:
            raise AssertionError(f"sample {place}: {sample.summary()}") from error
    assert counts.keys() <= {"pass", *DO_NOT_APPLY, *EXCEPTIONS}
    assert counts == {kind: count for kind, count in COUNTS[name].items() if kind != "errors"}


@pytest.mark.parametrize("name", [name for name, counts in COUNTS.items() if "errors" in counts])
def test_errors(name: str, suite: Any) -> None:
    samples = suite.error_samples(name)
    assert len(samples) == COUNTS[name]["errors"]
    for sample in samples:
        with pytest.raises((ValueError, TypeError)) as told:
            suite.refuse(name, sample)
        assert len(str(told.value).split()) > 4, f"no rule is told: {told.value}"


def test_every_function_is_said_or_named(suite: Any) -> None:
    named = {f"nn.functional.{name}" for names in NO_WORD.values() for name in names}
    assert not named & suite.WORDS.keys()
    assert named | suite.WORDS.keys() == suite.opinfos().keys()
    assert suite.WORDS.keys() == COUNTS.keys()
