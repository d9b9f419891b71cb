"""Networks from ONNX files: equal to ONNX Runtime's or the reference's, trainable, and safe to read."""

import os
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("onnx", reason="ONNX files need its package: pip install 'cnnfast[onnx]'")

from onnx.reference import ReferenceEvaluator
from support.onnx_graphs import GRAPHS, some
from support.onnx_models import parsed

from cnnfast import io


@pytest.mark.parametrize("name", GRAPHS)
def test_graphs_become_layers(name: str) -> None:
    text, constants, kinds = GRAPHS[name]
    proto = parsed(text, **constants)
    model = io.load_onnx(proto)
    assert [type(each).__name__ for each in model.layers[1:]] == kinds
    x = some(2, *model.input_shape[1:])
    (wanted,) = ReferenceEvaluator(proto).run(None, {"x": x})
    np.testing.assert_allclose(model.predict(x, verbose=0), wanted, rtol=1e-4, atol=1e-5)


def test_softmax_before_opset_13_is_over_all_that_follows() -> None:
    text = "net (float[n, 3, 4] x) => (float[n, 3, 4] y) { y = Softmax (x) }"
    made = io.load_onnx(parsed(text, opset=12)).predict(some(2, 3, 4), verbose=0)
    np.testing.assert_allclose(made.sum(axis=(1, 2)), [1, 1], rtol=1e-6)


def test_layers_are_named_after_nodes_and_train() -> None:
    proto = parsed(GRAPHS["dense"][0], **GRAPHS["dense"][1])
    for number, node in enumerate(proto.graph.node):
        node.name = f"/block.{number}/{node.op_type}"
    model = io.load_onnx(proto)
    assert [each.name for each in model.layers[1:]] == ["block.0.MatMul", "block.2.Relu"]
    before = model.get_weights()
    model.compile("sgd", "mse")
    model.fit(some(8, 6), some(8, 5), epochs=1, verbose=0)
    assert all(np.any(a != b) for a, b in zip(before, model.get_weights(), strict=True))


def test_images_of_any_size_where_the_network_allows() -> None:
    text = "net (float[n, 3, h, w] x) => (float[n, a, b, c] y) { t = Conv (x, k) y = GlobalMaxPool (t) }"
    model = io.load_onnx(parsed(text, k=some(4, 3, 3, 3)))
    assert model.input_shape == (None, 3, None, None)
    assert model.predict(some(2, 3, 11, 7), verbose=0).shape == (2, 4, 1, 1)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("net (float[n, 3] x) => (float[n, 3] y) { y = Bernoulli (x) }", ["Bernoulli", "opset 17", "'y'"]),
        ("net (float[n, 3] x) => (float[n, 3] y) { y = other.Relu (x) }", ["otherRelu", "opset 17"]),
        ("net (float[n, 3] x) => (float[a, b] y) { y = Transpose <perm=[1,0]> (x) }", ["Transpose", "batch"]),
    ],
)  # fmt: skip
def test_what_is_not_supported_is_named(text: str, words: list[str]) -> None:
    proto = parsed(text)
    proto.opset_import.add(domain="other", version=1)
    with pytest.raises(ValueError, match="node") as error:
        io.load_onnx(proto)
    assert all(word in str(error.value) for word in words)


def test_a_constant_that_would_be_too_large_is_refused_before_memory_is_taken() -> None:
    text = "net (float[n, 3] x) => (float[n, 3] y) { t = ConstantOfShape (s) y = Add (x, t) }"
    with pytest.raises(ValueError, match="constant of"):
        io.load_onnx(parsed(text, s=np.array([2**20, 2**20])))


@pytest.mark.filterwarnings("ignore:.*(overflow|invalid|divide).*:RuntimeWarning")
def test_damaged_files_are_refused() -> None:
    proto = parsed(*GRAPHS["pools"][:1])
    good = parsed(GRAPHS["dense"][0], **GRAPHS["dense"][1]).SerializeToString() + proto.SerializeToString()
    random = np.random.default_rng(5)
    refused = 0
    for _ in range(500):
        bad = bytearray(good[: random.integers(1, len(good))] if random.random() < 0.3 else good)
        for _ in range(random.integers(1, 6)):
            bad[random.integers(len(bad))] = random.integers(256)
        try:
            io.load_onnx(bytes(bad))
        except ValueError:  # ModelFileError, with its sentence
            refused += 1
    assert refused > 300


def test_a_file_that_is_none_says_so(tmp_path: Path) -> None:
    (tmp_path / "net.onnx").write_bytes(b"no model")
    with pytest.raises(ValueError, match="no model of ONNX"):
        io.load_onnx(tmp_path / "net.onnx")
    with pytest.raises(FileNotFoundError):
        io.load_onnx(tmp_path / "other.onnx")


# Of the files in the folder of data: the shape of a sample that is tried, where sizes are open.
FILES = {
    "ch_ppocr_mobile_v2.0_cls_infer": (2, 3, 48, 192),
    "ch_PP-OCRv4_det_infer": (1, 3, 64, 96),
    "nmp": (2, 43844, 1),
}


@pytest.mark.peers
@pytest.mark.parametrize("name", FILES)
def test_real_networks_equal_onnx_runtime(name: str) -> None:
    runtime = pytest.importorskip("onnxruntime", reason="compares with ONNX Runtime: pip install onnxruntime")
    folder = os.environ.get("CNNFAST_DATA")
    if not folder:
        pytest.skip("the networks are in $CNNFAST_DATA/onnx")
    path = Path(folder, "onnx", f"{name}.onnx")
    session = runtime.InferenceSession(path)
    x = np.random.default_rng(2).uniform(0, 1, FILES[name]).astype(np.float32)
    wanted = session.run(None, {session.get_inputs()[0].name: x})
    made = io.load_onnx(path).predict(x, verbose=0)
    for ours, theirs in zip(made if isinstance(made, list) else [made], wanted, strict=True):
        # ONNX Runtime's sigmoid is off by 1e-7 near 0, 3 % of a result that is nowhere above 3e-6.
        np.testing.assert_allclose(ours, theirs, atol=1e-4 * np.abs(theirs).max() + 1e-7, rtol=0)
