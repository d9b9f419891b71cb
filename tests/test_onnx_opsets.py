"""What ONNX's operators meant and mean, from opset 7 on, by ONNX Runtime."""

from typing import Any

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX files need its package: pip install 'cnnfast[onnx]'")

from onnx import helper, numpy_helper
from support.onnx_graphs import some

from cnnfast import io

pytestmark = pytest.mark.peers

IMAGE = (2, 6, 8, 9)
NONE = np.zeros(0, np.float32)
FOUR = [np.abs(some(6)) + 0.5, some(6), some(6), np.abs(some(6)) + 0.5]
SIDES = np.array([0, 0, 1, 2, 0, 0, 3, 0])
FLOOR = {"mode": "nearest", "coordinate_transformation_mode": "asymmetric", "nearest_mode": "floor"}
RESIZES = [
    {"mode": mode, "coordinate_transformation_mode": places, **rounds}
    for mode in ("nearest", "linear", "cubic")
    for places in ("half_pixel", "pytorch_half_pixel", "align_corners", "asymmetric")
    for rounds in (
        [{"nearest_mode": f"{r}"} for r in ("round_prefer_floor", "round_prefer_ceil", "floor", "ceil")]
        if mode == "nearest"
        else [{}]
    )
]
WINDOW = {"kernel_shape": [3, 2], "strides": [2, 2]}


def i(*numbers: int) -> Any:
    return np.array(numbers, np.int64)


def f(*numbers: float) -> Any:
    return np.array(numbers, np.float32)


# Operator, opsets, what it is told, its further inputs, and its input's shape where it is no image.
ROWS: list[tuple[Any, ...]] = [
    *(
        row
        for op in ("Softmax", "LogSoftmax", "Hardmax")
        for row in (
            (op, (7, 11, 12, 13, 22), {}, []),
            (op, (11, 12, 13), {"axis": -1}, []),
            (op, (7, 12, 13), {"axis": 2}, []),
            (op, (7, 12, 13), {"axis": 1}, [], (2, 6, 1, 1)),
        )
    ),
    ("Clip", (7, 10), {"min": -0.5, "max": 0.7}, []),
    *(
        ("Clip", (11, 12, 13), {}, given)
        for given in ([f(-0.5)[0], f(0.7)[0]], [f(0), f(6)], [None, f(0.5)[0]])
    ),
    ("Dropout", (7, 10), {"ratio": 0.3}, []),
    ("Dropout", (12, 13, 22), {}, [f(0.3)[0], np.array(False)]),
    *(("BatchNormalization", (7, 9, 14, 15), {"epsilon": 0.01}, FOUR, s) for s in (IMAGE, (2, 6), (2, 6, 5))),
    ("Squeeze", (7, 11), {"axes": [1, 3]}, [], (2, 1, 3, 1)),
    ("Squeeze", (13, 21), {}, [i(1, -1)], (2, 1, 3, 1)),
    ("Unsqueeze", (7, 11), {"axes": [1, 3]}, [], (2, 3)),
    ("Unsqueeze", (13, 21), {}, [i(1, -1)], (2, 3)),
    ("ReduceSum", (7, 11), {"axes": [2, 3]}, []),
    ("ReduceSum", (13, 18), {"keepdims": 0}, [i(2, 3)]),
    ("ReduceSum", (13, 18), {"noop_with_empty_axes": 1}, [i()]),
    *((op, (7, 13, 17), {"axes": [1, 3]}, []) for op in ("ReduceMean", "ReduceMax", "ReduceL2")),
    *((op, (18, 20), {}, [i(1, -1)]) for op in ("ReduceMean", "ReduceMax", "ReduceL2")),
    *(("Pad", (7, 10), {"mode": mode, "pads": list(SIDES)}, []) for mode in ("constant", "reflect", "edge")),
    *(("Pad", (11, 18, 21), {"mode": mode}, [SIDES]) for mode in ("constant", "reflect", "edge")),
    ("Pad", (18,), {}, [i(1, 2, 3, -1), f(0.5)[0], i(2, -1)]),
    ("Pad", (19,), {"mode": "wrap"}, [SIDES]),
    ("Slice", (7, 9), {"starts": [1, -3], "ends": [2**31 - 1, -1], "axes": [2, 3]}, []),
    ("Slice", (10, 11, 13), {}, [i(1, -1), i(2**62, -(2**62)), i(2, 3), i(2, -2)]),
    ("Split", (7, 11), {"axis": 1, "split": [2, 4]}, []),
    ("Split", (13, 18), {"axis": 1}, [i(2, 4)]),
    ("Split", (18,), {"axis": 3, "num_outputs": 2}, []),
    ("TopK", (7,), {"k": 3, "axis": 1}, []),
    ("TopK", (10, 11), {"axis": 1}, [i(3)]),
    *(
        ("Gemm", (7, 11, 13), {"transB": 1, "alpha": 0.5, "beta": 0.3}, [some(5, 6), c], (2, 6))
        for c in (some(5), f(2), some(1, 5))
    ),
    ("Gemm", (11, 13), {}, [some(6, 5)], (2, 6)),
    *(
        ("ConvTranspose", (7, 11), told, [some(6, 4, 3, 2), some(4)])
        for told in (
            {"strides": [2, 2], "output_shape": [16, 18]},
            {"strides": [2, 2], "output_shape": [17, 19], "auto_pad": "SAME_UPPER"},
            {"strides": [2, 2], "auto_pad": "SAME_LOWER"},
            {"strides": [2, 2], "output_padding": [1, 1], "group": 1},
        )
    ),
    *(
        (op, (7, 11, 22), {**WINDOW, "auto_pad": named}, [])
        for op in ("MaxPool", "AveragePool", "LpPool")
        for named in ("SAME_UPPER", "SAME_LOWER", "VALID")
    ),
    *(
        (
            "AveragePool",
            (11, 19, 22),
            {**WINDOW, "pads": [1, 1, 0, 0], "ceil_mode": 1, "count_include_pad": c},
            [],
        )
        for c in (0, 1)
    ),
    (
        "AveragePool",
        (19, 22),
        {**WINDOW, "dilations": [2, 2], "pads": [1, 1, 1, 1], "count_include_pad": 1},
        [],
    ),
    ("GroupNormalization", (18, 20), {"num_groups": 3}, [some(3), some(3)]),
    ("GroupNormalization", (21,), {"num_groups": 3}, [some(6), some(6)]),
    ("LayerNormalization", (17,), {"axis": 2}, [some(8, 9), some(8, 9)]),
    *(
        (op, opsets, {}, [])
        for op, opsets in (
            ("HardSwish", (14, 22)),
            ("Mish", (18,)),
            ("Gelu", (20,)),
            ("HardSigmoid", (7, 22)),
            ("Celu", (12,)),
        )
    ),
    *(("Upsample", (7,), {"mode": mode, "scales": [1.0, 1, 2, 1.5]}, []) for mode in ("nearest", "linear")),
    *(("Upsample", (9,), {"mode": mode}, [f(1, 1, 2, 1.5)]) for mode in ("nearest", "linear")),
    *(
        ("Resize", (10,), {"mode": mode}, [f(1, 1, *factors)])
        for mode in ("nearest", "linear")
        for factors in ((2, 3), (1.5, 0.6))
    ),
    *(
        ("Resize", (11, 13, 18, 19), told, [NONE, f(1, 1, *factors)])
        for told in RESIZES
        for factors in ((2, 3), (1.5, 0.6), (0.5, 0.5))
    ),
    *(("Resize", (18,), {**told, "axes": [2, 3]}, [None, None, i(5, 13)]) for told in RESIZES),
    (
        "Resize",
        (11,),
        {
            "mode": "nearest",
            "coordinate_transformation_mode": "tf_half_pixel_for_nn",
            "nearest_mode": "floor",
        },
        [NONE, f(1, 1, 2, 1.5)],
    ),
    (
        "Resize",
        (18,),
        {"mode": "linear", "keep_aspect_ratio_policy": "not_larger", "axes": [2, 3]},
        [None, None, i(13, 11)],
    ),
]


def model(op: str, opset: int, told: dict[str, Any], constants: list[Any], shape: tuple[int, ...]) -> Any:
    outputs = {"TopK": 2, "Split": 2}.get(op, 1)
    names = ["x", *("" if each is None else f"c{k}" for k, each in enumerate(constants))]
    node = helper.make_node(op, names, [f"y{k}" for k in range(outputs)], name="node", **told)
    graph = helper.make_graph(
        [node],
        "net",
        [helper.make_tensor_value_info("x", 1, ["n", *shape[1:]])],
        [helper.make_tensor_value_info("y0", 1, None)],
        [numpy_helper.from_array(each, f"c{k}") for k, each in enumerate(constants) if each is not None],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


CASES = [(op, opset, *rest) for op, opsets, *rest in ROWS for opset in opsets]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case[0]}-{case[1]}")
def test_by_onnx_runtime(case: Any) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="compares with ONNX Runtime: pip install onnxruntime")
    op, opset, told, constants, *shapes = case
    shape = shapes[0] if shapes else IMAGE
    proto, x = model(op, opset, told, constants, shape), some(*shape)
    options = runtime.SessionOptions()
    options.log_severity_level = 3  # errors alone
    (wanted,) = runtime.InferenceSession(proto.SerializeToString(), options).run(None, {"x": x})
    made = io.load_onnx(proto).predict(x, verbose=0)
    assert made.shape == wanted.shape
    np.testing.assert_allclose(made, wanted, atol=1e-4 * np.abs(wanted).max(), rtol=0)


def test_batch_normalizations_of_old_that_train() -> None:
    """Before opset 14 it is the further outputs that tell."""
    proto = model("BatchNormalization", 9, {}, FOUR, IMAGE)
    proto.graph.node[0].output.extend(["mean", "variance", "saved_mean", "saved_variance"])
    x = some(*IMAGE)
    scale, shift = (each[:, None, None] for each in FOUR[:2])
    mean, variance = x.mean((0, 2, 3), keepdims=True), x.var((0, 2, 3), keepdims=True)
    made = io.load_onnx(proto).predict(x, verbose=0)
    np.testing.assert_allclose(
        made, (x - mean) / np.sqrt(variance + 1e-5) * scale + shift, rtol=1e-4, atol=1e-4
    )
