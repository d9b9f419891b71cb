"""ONNX files that are not what they should be, refused before memory is taken; and odd ones that load."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX files need its package: pip install 'cnnfast[onnx]'")

from onnx import TensorProto, helper, numpy_helper
from support.onnx_graphs import some
from support.onnx_models import parsed

from cnnfast import io
from cnnfast.models import ModelFileError

NET = "net (float[n, 3, 8, 8] x) => (float[n, a, b, c] y)"


def beside(folder: Path, location: str, dims: tuple[int, ...] = (3, 1, 1), **told: Any) -> Path:
    """A network whose constant is in another file."""
    proto = parsed(f"{NET} {{ y = Add (x, k) }}")
    tensor = TensorProto(name="k", data_type=1, dims=dims, data_location=TensorProto.EXTERNAL)
    for key, value in {"location": location, **told}.items():
        tensor.external_data.add(key=key, value=str(value))
    proto.graph.initializer.append(tensor)
    folder.mkdir(exist_ok=True)
    (folder / "k.bin").write_bytes(np.array([1, 2, 3], np.float32).tobytes())
    path = folder / "net.onnx"
    path.write_bytes(proto.SerializeToString())
    return path


@pytest.mark.parametrize("told", [{}, {"offset": 0, "length": 12}])
def test_weights_in_another_file(told: dict[str, int], tmp_path: Path) -> None:
    made = io.load_onnx(beside(tmp_path, "k.bin", **told)).predict(np.zeros((1, 3, 8, 8)), verbose=0)
    np.testing.assert_array_equal(made[0, :, 0, 0], [1, 2, 3])


def test_no_more_is_read_than_a_tensor_has(tmp_path: Path) -> None:
    path = beside(tmp_path, "large.bin")
    with (tmp_path / "large.bin").open("wb") as file:
        file.truncate(2**40)
    assert not io.load_onnx(path).predict(np.zeros((1, 3, 8, 8)), verbose=0).any()


@pytest.mark.parametrize(
    ("location", "told", "words"),
    [
        ("../k.bin", {}, "outside"),
        ("/etc/hostname", {}, "absolute"),
        ("none.bin", {}, "not regular file"),
        ("", {}, "empty"),
        (".", {}, "not regular file"),
        ("link.bin", {}, "symbolic link"),
        ("k.bin", {"offset": -4}, "non-negative"),
        ("k.bin", {"offset": 2**50}, "exceeds"),
        ("k.bin", {"length": 2**60}, "of 12 bytes"),
        ("k.bin", {"length": 4}, "too small"),
        ("k.bin", {"offset": "far"}, "far"),
        ("k.bin", {"dims": (2**20, 2**20)}, "shape"),
        ("k.bin", {"dims": (-3, 1, 1)}, "shape"),
    ],
)
def test_other_files_that_are_not_as_told(location: str, told: Any, words: str, tmp_path: Path) -> None:
    (tmp_path / "k.bin").write_bytes(bytes(12))
    path = beside(tmp_path / "net", location, **told)
    (path.parent / "link.bin").symlink_to(tmp_path / "k.bin")
    with pytest.raises(ModelFileError, match=words) as error:
        io.load_onnx(path)
    assert str(path) in str(error.value)


def test_more_than_memory_holds_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = beside(tmp_path, "k.bin")
    monkeypatch.setattr(os, "sysconf", lambda name: 4)
    with pytest.raises(ModelFileError, match="12 bytes, too many for a machine of 16"):
        io.load_onnx(path)


def test_bytes_know_no_other_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Not even those in the folder where the program runs."""
    content = beside(tmp_path, "k.bin").read_bytes()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelFileError, match="by its path"):
        io.load_onnx(content)


# -- graphs --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "constants", "words"),
    [
        ("y = Softmax <axis=7> (x)", {}, "axis 7 is none of 4"),
        ("y = Squeeze (x, k)", {"k": np.array([1])}, "not all of one number"),
        ("y = Flatten <axis=-5> (x)", {}, "axis -5"),
        ("y, z = Split <axis=1> (x, k)", {"k": np.array([-1, 4])}, "cannot be split"),
        ("y = OneHot (x, d, v)", {"d": np.array([2**45]), "v": np.float32([0, 1])}, "would have"),
        ("y = Clip (x, k)", {"k": np.zeros(2, np.float32)}, "must be one number"),
        ('y = Resize <mode="linear"> (x, , , k)', {"k": np.array([1, 3, 4, 4])}, "batch"),
        ("y = Conv (x, k)", {"k": some(4, 3, 3)}, "Conv"),
        ("y = Relu (q)", {}, "'q'"),
        ("a = Relu (b) b = Neg (a) y = Add (x, b)", {}, "topologically"),
        ("y = Relu (x) y = Neg (x)", {}, "multiple times"),
    ],
)
def test_graphs_that_are_refused(text: str, constants: dict[str, Any], words: str) -> None:
    with pytest.raises(ModelFileError, match=words):
        io.load_onnx(parsed(f"{NET} {{ {text} }}", **constants))


def test_a_grid_too_large_is_refused_before_memory_is_taken() -> None:
    text = "net (float[n, 2, 3] x) => (float[n, a, b, c] y) { y = AffineGrid (x, s) }"
    with pytest.raises(ModelFileError, match="the grid would have"):
        io.load_onnx(parsed(text, opset=20, s=np.array([1, 3, 2**16, 2**16])))


def test_inputs_too_large_and_of_no_shape() -> None:
    with pytest.raises(ModelFileError, match="its input 'x'"):
        io.load_onnx(parsed(f"net (float[n, {2**40}] x) => (float[n, a] y) {{ y = Relu (x) }}"))
    proto = parsed(f"{NET} {{ y = Relu (x) }}")
    proto.graph.input[0].type.tensor_type.ClearField("shape")
    with pytest.raises(ModelFileError, match="known number of axes"):
        io.load_onnx(proto)


@pytest.mark.parametrize("clear", ["shape", "type"])
def test_outputs_need_not_tell_their_shapes(clear: str) -> None:
    proto = parsed(f"{NET} {{ y = Relu (x) }}")
    if clear == "type":
        proto.graph.output[0].ClearField("type")
    else:
        proto.graph.output[0].type.tensor_type.ClearField("shape")
    before = proto.SerializeToString()
    assert io.load_onnx(proto).output_shape == (None, 3, 8, 8)
    assert proto.SerializeToString() == before


def test_sparse_weights_are_named() -> None:
    proto = parsed(f"{NET} {{ y = Add (x, k) }}")
    values, places = numpy_helper.from_array(some(1), "k"), numpy_helper.from_array(np.array([0]), "places")
    proto.graph.sparse_initializer.append(helper.make_sparse_tensor(values, places, [8]))
    with pytest.raises(ModelFileError, match="'k' are sparse"):
        io.load_onnx(proto)


def test_functions_that_call_one_another_cost_nothing() -> None:
    """2^40 nodes, if each call were written out."""
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("my", 1)]
    functions = [
        helper.make_function("my", "F0", ["a"], ["b"], [helper.make_node("Neg", ["a"], ["b"])], opsets)
    ]
    for i in range(1, 41):
        calls = [helper.make_node(f"F{i - 1}", [a], [b], domain="my") for a, b in (("a", "t"), ("t", "b"))]
        functions.append(helper.make_function("my", f"F{i}", ["a"], ["b"], calls, opsets))
    infos = [[helper.make_tensor_value_info(name, 1, ["n", 3])] for name in "xy"]
    graph = helper.make_graph([helper.make_node("F40", ["x"], ["y"], domain="my")], "net", *infos)
    with pytest.raises(ModelFileError, match="F40 is not supported"):
        io.load_onnx(helper.make_model(graph, functions=functions, opset_imports=opsets, ir_version=9))
