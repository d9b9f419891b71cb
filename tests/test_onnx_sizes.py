"""ONNX networks of images of any size: what they compute of sizes holds for sizes that nothing divides."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX files need its package: pip install 'cnnfast[onnx]'")

from onnx.reference import ReferenceEvaluator
from support.onnx_graphs import some
from support.onnx_models import parsed

import cnnfast
from cnnfast import io, layers
from cnnfast.layers.sizes import Size, with_sizes

OPEN = "net (float[n, 3, h, w] x) => (float[n, a, b, c] y)"
SHAPE = "s = Shape (x) h = Slice (s, two, three)"
FLOOR = 'mode="nearest", nearest_mode="floor", coordinate_transformation_mode="asymmetric"'
NUMBERS: dict[str, Any] = {
    **{name: np.array([i]) for i, name in enumerate(("zero", "one", "two", "three", "four"))},
    "zero1": np.int64(0),
    "k": some(6, 3, 3, 3),
    "k1": some(6, 3, 1, 1),
}
POOL = "MaxPool <kernel_shape=[2,2], strides=[2,2]>"
HALVED = "t = Conv <strides=[2,2], pads=[1,1,1,1]> (x, k)"

# What graphs say, and their further constants.
ROWS: dict[str, tuple[str, dict[str, Any]]] = {
    "back to the input's size": (
        f"{HALVED} st = Shape (t) nc = Slice (st, zero, two) hw = Slice (s, two, four) "
        'z = Concat <axis=0> (nc, hw) y = Resize <mode="linear"> (t, , , z)',
        {},
    ),
    "back by the nearest": (f"t = {POOL} (x) y = Resize <{FLOOR}> (t, , , s)", {}),
    "back by cubes": (
        f'g = {POOL} (x) y = Resize <mode="cubic"> (g, , , s)',
        {},
    ),
    "one and a half": ('y = Resize <mode="linear"> (x, , f)', {"f": np.array([1, 1, 1.5, 1.5], np.float32)}),
    "half by the nearest": (f"y = Resize <{FLOOR}> (x, , f)", {"f": np.array([1, 1, 0.5, 0.5], np.float32)}),
    "twice by cubes": ('y = Resize <mode="cubic"> (x, , f)', {"f": np.array([1, 1, 2, 2], np.float32)}),
    "twice, as an exporter computes it": (
        "f = Cast <to=1> (s) m = Mul (f, q) r = Floor (m) z = Cast <to=7> (r) "
        f"y = Resize <{FLOOR}> (x, , , z)",
        {"q": np.array([1, 1, 2, 2], np.float32)},
    ),
    "to one size": (
        'nc = Slice (s, zero, two) z = Concat <axis=0> (nc, to) y = Resize <mode="linear"> (x, , , z)',
        {"to": np.array([24, 20])},
    ),
    "all but the last row": ("e = Sub (h, one) y = Slice (x, zero, e, two)", {}),
    "the upper half": ("e = Div (h, two) y = Slice (x, zero, e, two)", {}),
    "the last rows": ("b = Sub (h, four) y = Slice (x, b, h, two)", {}),
    "at most ten rows": ("y = Slice (x, zero, ten, two)", {"ten": np.array([10])}),
    "every other, backwards": (
        "y = Slice (x, last, far, two, back)",
        {"last": np.array([-1]), "far": np.array([-(2**62)]), "back": np.array([-2])},
    ),
    "shuffled channels": (
        "g = Conv (x, k1) hw = Slice (s, two, four) a = Concat <axis=0> (m, two, three, hw) "
        "r = Reshape (g, a) p = Transpose <perm=[0,2,1,3,4]> (r) b = Concat <axis=0> (m, six, hw) "
        "y = Reshape (p, b)",
        {"m": np.array([-1]), "six": np.array([6])},
    ),
    "groups that are normalized": (
        "r = Reshape (x, g) i = InstanceNormalization (r, o, z) y = Reshape (i, s)",
        {"g": np.array([0, 1, -1]), "o": np.ones(1, np.float32), "z": np.zeros(1, np.float32)},
    ),
    "a picture of means": ("g = GlobalAveragePool (x) e = Expand (g, s) y = Concat <axis=1> (x, e)", {}),
    "a resized mean": ('g = GlobalAveragePool (x) y = Resize <mode="linear"> (g, , , s)', {}),
    "a mean by counting": (
        "r = ReduceSum <keepdims=1> (x, hw) w = Slice (s, three, four) a = Mul (h, w) f = Cast <to=1> (a) "
        "y = Div (r, f)",
        {"hw": np.array([2, 3])},
    ),
    "rows up to a multiple": (
        "m = Mod (h, four) p = Sub (four, m) q = Mod (p, four) z = Concat <axis=0> (z6, q, zero) "
        "y = Pad (x, z)",
        {"z6": np.zeros(6, np.int64)},
    ),
    "a row of constants for each sample": (
        "n = Slice (s, zero, one) w = Slice (s, three, four) z = Concat <axis=0> (n, three, one, one) "
        "e = Expand (row, z) m = ReduceMean <axes=[2,3]> (x) y = Concat <axis=2> (e, m)",
        {"row": some(1, 3, 1, 1)},
    ),
}  # fmt: skip
SIZES = ((2, 3, 16, 16), (3, 3, 17, 19), (1, 3, 20, 12), (1, 3, 33, 40))


def graph(name: str) -> Any:
    text, constants = ROWS[name]
    return parsed(f"{OPEN} {{ {SHAPE} {text} }}", **NUMBERS, **constants)


def check(model: Any, proto: Any) -> None:
    for shape in SIZES:
        x = some(*shape)
        (wanted,) = ReferenceEvaluator(proto).run(None, {"x": x})
        made = model.predict(x, verbose=0)
        assert made.shape == wanted.shape
        np.testing.assert_allclose(made, wanted, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("name", ROWS)
def test_any_size(name: str) -> None:
    proto = graph(name)
    check(io.load_onnx(proto), proto)


@pytest.mark.parametrize("name", ["back to the input's size", "shuffled channels", "the last rows"])
def test_files_and_copies_keep_formulas(name: str, tmp_path: Path) -> None:
    proto = graph(name)
    model = io.load_onnx(proto)
    model.save(tmp_path / "net.cnnfast")
    check(cnnfast.models.load_model(tmp_path / "net.cnnfast"), proto)
    copy = cnnfast.models.clone_model(model)
    copy.set_weights(model.get_weights())
    check(copy, proto)


@pytest.mark.parametrize(
    ("text", "word"),
    [
        ('y = Conv <strides=[2,2], auto_pad="SAME_LOWER"> (x, k)', "padding"),
        ("y = ConvTranspose <output_shape=[30,30]> (x, u)", "output_shape"),
        ("y, z = Split <axis=2> (x)", "axis 2"),
        ("i = Squeeze (h) r = Range (zero1, i, one1) f = Cast <to=1> (r) y = Add (x, f)", "Range"),
        ('y = Resize <mode="nearest", nearest_mode="ceil"> (x, , , s)', "resizing"),
    ],
)  # fmt: skip
def test_what_needs_a_size_is_refused(text: str, word: str) -> None:
    """And not made for the sizes of examples."""
    proto = parsed(f"{OPEN} {{ {SHAPE} {text} }}", **NUMBERS, u=some(3, 2, 3, 3), one1=np.int64(1))
    with pytest.raises(ValueError, match=r"node .*fixed sizes") as error:
        io.load_onnx(proto)
    assert word in str(error.value)


def test_a_network_that_takes_multiples_alone() -> None:
    text = f'p = {POOL} (x) q = {POOL} (p) u = Resize <mode="linear"> (q, , f) y = Add (p, u)'
    proto = parsed(f"{OPEN} {{ {text} }}", f=np.array([1, 1, 2, 2], np.float32))
    model = io.load_onnx(proto)
    x = some(2, 3, 8, 12)
    (wanted,) = ReferenceEvaluator(proto).run(None, {"x": x})
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-4, atol=1e-5)
    with pytest.raises(ValueError, match="broadcast"):
        model.predict(some(1, 3, 10, 10), verbose=0)


def test_names_are_those_of_the_nodes_whatever_was_tried() -> None:
    text = f'{OPEN} {{ p = {POOL} (x) t = Resize <mode="linear"> (p, , f) y = Add (x, t) }}'
    proto = parsed(text, f=np.array([1, 1, 2, 2], np.float32))
    assert [each.name for each in io.load_onnx(proto).layers] == ["x", "p", "t", "y"]


# -- formulas ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "formula", [["power", 2, 3], ["axis", 1, 0], ["axis", 0, 7], ["div", 1, 0], ["add", "a", 1], []]
)
def test_no_formulas(formula: Any) -> None:
    with pytest.raises(ValueError, match="no size"):
        with_sizes({"size": formula}, [(None, 3, 4)])


def test_quotients_are_cut_off_towards_0() -> None:
    formulas = [["div", ["sub", 0, ["axis", 0, 2]], 2], ["div", 7.0, 2.0]]
    assert with_sizes([{"size": each} for each in formulas], [(None, 3, 9)]) == [-4, 3.5]


def test_sizes_in_three_examples_stay_in_order() -> None:
    """Also where two are the same."""
    layer = layers.InputLayer((None, 4))
    layer._examples = ((10, 4), (12, 4), (11, 4))
    symbol = layers.MaxPooling1D(2)(layer.output)
    assert Size("axis", symbol, 1).examples() == [5, 6, 5]
