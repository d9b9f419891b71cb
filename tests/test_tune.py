"""Measured tuning: what is chosen, what the file does to later processes, and what no file may do."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.machine import python_environment, run_python
from support.models import images, same_bits, small_model
from support.nets import refusal

import cnnfast
from cnnfast import _core, layers
from cnnfast.tuning import tuning_path

CHANNELS = 16  # enough for every algorithm that may take a 3x3 convolution
# A process that says what it chose, whether it timed anything, and what came out.
REPORT = """
import hashlib, numpy as np, cnnfast
from cnnfast import _core
from test_tune import model, choices
net = model()
net.network  # brings the file along
cnnfast.set_num_threads({threads})
known = _core.get_tuning()
out = net.predict(np.random.default_rng(1).normal(size=(4, 8, 8, 16)).astype("f"), verbose=0)
print(choices(net), known == _core.get_tuning(), hashlib.sha256(out.tobytes()).hexdigest())
"""


def model() -> "cnnfast.Sequential":
    """Two convolutions for channels in the lanes."""
    cnnfast.set_random_seed(1)
    return cnnfast.Sequential(
        [
            cnnfast.Input((8, 8, CHANNELS)),
            layers.Conv2D(CHANNELS, 3, padding="same", activation="relu", name="one"),
            layers.Conv2D(2 * CHANNELS, 3, name="two"),
            layers.Flatten(name="flat"),
            layers.Dense(3, activation="softmax", name="head"),
        ]
    )


def choices(net: Any, batch: int = 4, mode: Any = "predict") -> dict[str, str]:
    """The algorithm of each convolution."""
    steps = net.network.plan(batch, mode)
    return {s["name"]: s["algorithm"] for s in steps if s["op"] == "conv2d" and s["direction"] == "forward"}


def key(name: str, batch: int = 4) -> str:
    """What tuning calls one of the model's convolutions when it predicts."""
    known, _ = _core.get_tuning()
    channels = 2 * CHANNELS if name == "two" else CHANNELS
    (found,) = (k for k in known if f"batch {batch}," in k and f"to ({channels}, " in k and "inference" in k)
    return found


@pytest.fixture
def tune_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The file that this test's processes use; the core forgets afterwards what it learnt."""
    path = tmp_path / "folder" / "tune.json"
    monkeypatch.setenv("CNNFAST_TUNE_FILE", str(path))
    monkeypatch.delenv("CNNFAST_TUNE", raising=False)
    yield path
    _core.set_tuning({}, {})


def part_of(path: Path) -> dict[str, Any]:
    """This machine's part of a file."""
    info = _core.build_info()
    part: dict[str, Any] = json.loads(path.read_text())["machines"][
        f"{info['cpu']}, cnnfast {info['version']}"
    ]
    return part


def test_times_every_algorithm_that_accepts(tune_file: Path) -> None:
    net = model()
    chosen = cnnfast.tune(net, batch_size=4)
    assert chosen == choices(net)
    part = part_of(tune_file)
    for name in ("one", "two"):
        times = part["seconds"][key(name)]
        refused = next(s["refused"] for s in net.network.plan(4, "predict") if s["name"] == name)
        assert times.keys() >= {"blocked", "lanes", "winograd", "winograd_f2"}
        assert all(f"{algorithm}:" not in refused for algorithm in times)
        assert all(0 < seconds < 1 for seconds in times.values())
    assert part["cores"][_core.get_isa()]["flops"] > 1e8


@pytest.mark.parametrize("algorithm", ["blocked", "lanes", "winograd", "winograd_f2"])
def test_the_fastest_is_chosen(tune_file: Path, algorithm: str) -> None:
    net = model()
    x = np.random.default_rng(0).normal(size=(4, 8, 8, CHANNELS)).astype(np.float32)
    untuned = net.predict(x, verbose=0)
    cnnfast.tune(net, batch_size=4)
    known, cores = _core.get_tuning()
    for name in ("one", "two"):
        known[key(name)] = {**dict.fromkeys(known[key(name)], 1.0), algorithm: 0.5}
    _core.set_tuning(known, cores)
    assert choices(net) == {"one": algorithm, "two": algorithm}
    np.testing.assert_allclose(net.predict(x, verbose=0), untuned, rtol=1e-4, atol=1e-6)


def test_the_fast_class_times_bfloat16(tune_file: Path, precision: Callable[[Any], None], isa: str) -> None:
    """Also where the model thinks it slower than float32."""
    precision("fast")
    net = model()
    cnnfast.tune(net, batch_size=4)
    known, cores = _core.get_tuning()
    assert "blocked_bf16" in known[key("two")]
    for faster in ("blocked", "blocked_bf16"):
        for name in ("one", "two"):
            known[key(name)] = {**dict.fromkeys(known[key(name)], 1.0), faster: 0.5}
        _core.set_tuning(known, cores)
        assert choices(net) == {"one": faster, "two": faster}


def test_reorders_count(tune_file: Path) -> None:
    """An algorithm of another layout must gain more than the way there and back costs."""
    net = model()
    cnnfast.tune(net, batch_size=4)
    known, _ = _core.get_tuning()
    for gain, expected in ((1e-9, "blocked"), (1.0, "lanes")):
        known[key("one")] = {"blocked": 2.0, "lanes": 3.0}
        known[key("two")] = {"blocked": 2.0, "lanes": 2.0 - gain}
        _core.set_tuning(known, {})
        assert choices(net) == {"one": "blocked", "two": expected}


def test_batch_and_mode_are_apart(tune_file: Path) -> None:
    net = model()
    net.compile(loss="sparse_categorical_crossentropy", optimizer="sgd")
    before = choices(net, 5), choices(net, 4, "train")
    cnnfast.tune(net, batch_size=4)
    known, _ = _core.get_tuning()
    _core.set_tuning({k: {"lanes": 1e-9} for k in known}, {})  # the others' plans go by the same machine
    assert set(choices(net).values()) == {"lanes"}
    assert (choices(net, 5), choices(net, 4, "train")) == before


def test_training_is_tuned_and_changes_nothing(tune_file: Path) -> None:
    net, twin = small_model(), small_model()
    x, y = images(20)
    for each in (net, twin):
        each.train_on_batch(x, y)
    state = net.network.optimizer_state()
    weights = net.get_weights()
    assert cnnfast.tune(net, batch_size=20, training=True) == choices(net, 20, "train")
    assert same_bits(net.get_weights(), weights)
    assert same_bits(list(net.network.optimizer_state().values()), list(state.values()))
    assert net.network.step == 1
    _core.set_tuning({}, {})
    for each in (net, twin):
        each.train_on_batch(x, y)
    assert same_bits(net.get_weights(), twin.get_weights())


def test_training_needs_compile(tune_file: Path) -> None:
    with pytest.raises(ValueError, match="compile") as info:
        cnnfast.tune(model(), training=True)
    refusal(info.value, "compiled")
    assert not tune_file.exists()


def test_precision_is_never_left(tune_file: Path) -> None:
    net = model()
    cnnfast.tune(net, batch_size=4)
    known, cores = _core.get_tuning()
    for name in ("one", "two"):  # as if someone had edited the file
        known[key(name).replace("default", "exact")] = {"winograd": 1e-9, "blocked": 1.0, "lanes": 2.0}
    _core.set_tuning(known, cores)
    cnnfast.set_precision("exact")
    try:
        assert set(choices(net).values()) == {"blocked"}
        _core.set_tuning({}, {})
        cnnfast.tune(net, batch_size=4)
        assert all("winograd" not in times for times in _core.get_tuning()[0].values())
    finally:
        cnnfast.set_precision("default")


def test_later_processes_use_the_file_without_timing(tune_file: Path) -> None:
    cnnfast.tune(model(), batch_size=4)
    content = json.loads(tune_file.read_text())
    for part in content["machines"].values():
        part["seconds"] = {k: {"lanes": 1e-9, "blocked": 1.0} for k in part["seconds"]}
    tune_file.write_text(json.dumps(content))
    before = tune_file.read_bytes()
    chosen, untouched, bits = _report(1)
    assert (chosen, untouched) == ({"one": "lanes", "two": "lanes"}, True)
    assert _report(3) == (chosen, True, bits)
    assert _report(1, CNNFAST_TUNE="0")[0] != chosen
    assert tune_file.read_bytes() == before


def test_environment_tunes_what_is_planned(tune_file: Path) -> None:
    """The first process times and writes, the second with another number of threads only reads."""
    chosen, untouched, bits = _report(1, CNNFAST_TUNE="1")
    assert not untouched
    before = tune_file.read_bytes()
    assert len(part_of(tune_file)["seconds"]) == 2
    assert _report(3, CNNFAST_TUNE="1") == (chosen, True, bits)
    assert tune_file.read_bytes() == before


def _report(threads: int, **environment: str) -> tuple[dict[str, str], bool, str]:
    out = run_python(REPORT.format(threads=threads), PYTHONWARNINGS="error", **environment).strip()
    chosen, untouched, bits = out.rsplit(" ", 2)
    return json.loads(chosen.replace("'", '"')), untouched == "True", bits


def test_bits_do_not_depend_on_threads(tune_file: Path, threads: Callable[[int], None]) -> None:
    """Tuned with one number of threads, run with another."""
    net = model()
    x = np.random.default_rng(0).normal(size=(4, 8, 8, CHANNELS)).astype(np.float32)
    threads(3)
    cnnfast.tune(net, batch_size=4)
    many = net.predict(x, verbose=0)
    threads(1)
    assert same_bits([net.predict(x, verbose=0)], [many])


GOOD = {"format": 1, "machines": {}}
BAD = {
    "empty": "",
    "no JSON": "{",
    "not ours": '{"x": 1}',
    "another format": '{"format": 2, "machines": {}}',
    "a list": "[]",
    "machines": '{"format": 1, "machines": 3}',
    "nested": "[" * 100000,
    "binary": "\x00\udcff",
    **{
        name: json.dumps({"format": 1, "machines": {"HERE": part}})
        for name, part in {
            "no parts": {},
            "cores": {"cores": {"avx2": {"flops": 1}}, "seconds": {}},
            "negative": {"cores": {}, "seconds": {"x": {"blocked": -1}}},
            "text": {"cores": {}, "seconds": {"x": {"blocked": "1"}}},
            "NaN": {"cores": {}, "seconds": {"x": {"blocked": float("nan")}}},
            "none": {"cores": {}, "seconds": {"x": {}}},
            "null": None,
            "null cores": {"cores": None, "seconds": {}},
            "null seconds": {"cores": {}, "seconds": {"x": None}},
            "null time": {"cores": {}, "seconds": {"x": {"blocked": None}}},
            "huge": {"cores": {}, "seconds": {"x": {"blocked": 10**400}}},
            "huge core": {"cores": {"avx2": {"flops": 10**400, "bandwidth": 1}}, "seconds": {}},
            "half a character": {"cores": {}, "seconds": {"\ud800": {"blocked": 1.0}}},
            "half a name": {"cores": {}, "seconds": {"x": {"\ud800": 1.0}}},
            "half an isa": {"cores": {"\ud800": {"flops": 1, "bandwidth": 1}}, "seconds": {}},
        }.items()
    },
}


@pytest.mark.parametrize("name", BAD)
def test_damaged_files_are_refused(tune_file: Path, name: str) -> None:
    from cnnfast.tuning import _file

    net = model()
    tune_file.parent.mkdir()
    text = BAD[name].replace("HERE", _file._machine())
    tune_file.write_bytes(text.encode("utf-8", "surrogateescape"))
    before = tune_file.read_bytes()
    with pytest.raises(ValueError, match="tuning file") as info:
        cnnfast.tune(net, batch_size=4)
    refusal(info.value, str(tune_file), "CNNFAST_TUNE_FILE")
    with pytest.warns(UserWarning, match="planning without tuning"):
        _file.load(tune_file)
    assert _core.get_tuning() == ({}, {})
    assert tune_file.read_bytes() == before


def test_a_process_goes_on_without_a_damaged_file(tune_file: Path) -> None:
    tune_file.parent.mkdir()
    tune_file.write_text("{")
    code = "import numpy as np; from test_tune import model; "
    code += "print(model().predict(np.zeros((1, 8, 8, 16), 'f'), verbose=0).shape)"
    assert run_python(code).strip() == "(1, 3)"


@pytest.mark.parametrize("name", ["null", "huge", "half a character"])
def test_a_damaged_file_is_told_once_and_no_models_fault(tune_file: Path, name: str, tmp_path: Path) -> None:
    from cnnfast.tuning import _file

    small_model().save(tmp_path / "net")
    tune_file.parent.mkdir()
    tune_file.write_text(BAD[name].replace("HERE", _file._machine()))
    code = f"""
import warnings, cnnfast
from cnnfast.models import load_model
with warnings.catch_warnings(record=True) as caught:
    warnings.simplefilter("always")
    for _ in range(2):
        load_model({str(tmp_path / "net")!r}).network
print(len(caught), caught[0].message)
"""
    told = run_python(code)
    assert told.startswith("1 planning without tuning")
    assert str(tune_file) in told


def test_a_wrong_variable_is_no_models_fault(tmp_path: Path) -> None:
    small_model().save(tmp_path / "net")
    code = f"""
from cnnfast.models import ModelFileError, load_model
try:
    load_model({str(tmp_path / "net")!r})
except ValueError as error:
    print(isinstance(error, ModelFileError), error)
"""
    assert run_python(code, CNNFAST_TUNE="yes").startswith("False CNNFAST_TUNE must be 0")


def test_processes_that_tune_together_keep_all(tune_file: Path) -> None:
    """Each of eight learns one convolution, eight times; none is lost."""
    code = """
import sys
from pathlib import Path
from cnnfast import _core
from cnnfast.tuning import _file, tuning_path
for k in range(8):
    _core.set_tuning({f"conv {sys.argv[1]} {k}": {"blocked": 1.0}}, {})
    _file.save(Path(tuning_path()))
"""
    command = [sys.executable, "-c", code]
    children = [subprocess.Popen([*command, str(n)], env=python_environment()) for n in range(8)]
    assert [child.wait(60) for child in children] == [0] * 8
    assert len(part_of(tune_file)["seconds"]) == 64


def test_two_processes_times_of_one_convolution(tune_file: Path) -> None:
    from cnnfast.tuning import _file

    for times in ({"blocked": 1.0, "lanes": 2.0}, {"lanes": 3.0, "winograd": 4.0}):
        _core.set_tuning({"conv": times}, {})
        _file.save(tune_file)
    assert part_of(tune_file)["seconds"] == {"conv": {"blocked": 1.0, "lanes": 3.0, "winograd": 4.0}}


def test_other_machines_and_versions_are_kept_and_not_used(tune_file: Path) -> None:
    net = model()
    cnnfast.tune(net, batch_size=4)
    content = json.loads(tune_file.read_text())
    (part,) = content["machines"].values()
    part["seconds"] = {k: {"lanes": 1e-9} for k in part["seconds"]}
    content["machines"] = {"Another CPU, cnnfast 0.1.0": part, "Another version": {"anything": []}}
    tune_file.write_text(json.dumps(content))
    _core.set_tuning({}, {})
    untuned = choices(net)
    assert _report(1)[0] == untuned != {"one": "lanes", "two": "lanes"}
    cnnfast.tune(net, batch_size=4)
    again = json.loads(tune_file.read_text())["machines"]
    assert len(again) == 3
    assert {name: again[name] for name in content["machines"]} == content["machines"]


def test_environment_variable_is_checked() -> None:
    code = "import cnnfast; from test_tune import model\n"
    code += "try: model().network\nexcept ValueError as error: print(error)"
    assert "CNNFAST_TUNE must be 0" in run_python(code, CNNFAST_TUNE="yes")


def test_default_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CNNFAST_TUNE_FILE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert tuning_path() == str(tmp_path / "cnnfast" / "tune.json")
