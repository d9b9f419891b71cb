"""The table of torchvision's networks in `support/zoo.py`, by torchvision itself, in float64."""

import sys
import types
from typing import Any

import numpy as np
import pytest
from support.zoo import ROWS, Row, directions, image, names_and_shapes, weight

torch = pytest.importorskip("torch", reason="compares with PyTorch: pip install torch==2.13.0")


@pytest.fixture(scope="module")
def zoo() -> Any:
    """torchvision's models, without its compiled operations, which may be for another PyTorch."""
    sys.modules.setdefault("torchvision._meta_registrations", types.ModuleType("none"))
    return pytest.importorskip(
        "torchvision.models", reason="compares with torchvision: pip install --no-deps torchvision==0.28.0"
    )


@pytest.mark.filterwarnings("ignore")  # its own, at import
@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.theirs)
def test_the_table_is_torchvisions(row: Row, zoo: Any) -> None:
    options = {"init_weights": False, "aux_logits": False} if row.theirs == "inception_v3" else {}
    with torch.device("meta"):
        network = getattr(zoo, row.theirs)(weights=None, **options)
    assert sum(each.numel() for each in network.parameters()) == row.count
    state = {name: tuple(each.shape) for name, each in network.state_dict().items()}
    assert names_and_shapes(state.items()) == row.digest
    headless = row.name.startswith("VGG")
    part, before = (network.features, "features.") if headless else (network, "")
    outputs, slope = _run(part.eval(), before, row.side)
    outputs = np.moveaxis(outputs, 1, 3) if headless else outputs
    np.testing.assert_allclose(outputs.ravel()[:4], row.outputs, rtol=1e-5, atol=1e-6 * row.scale)
    np.testing.assert_allclose(np.abs(outputs).max(), row.scale, rtol=1e-6)
    along = (slope * directions(row.side)).sum(axis=(1, 2, 3)) / np.linalg.norm(slope)
    np.testing.assert_allclose(along, row.slopes, rtol=1e-5, atol=1e-8)


def _run(network: Any, before: str, side: int) -> tuple[np.ndarray, np.ndarray]:
    """Outputs, and the gradient of their sum by the image, channels last."""
    state = {
        name: torch.tensor(0)
        if name.endswith("num_batches_tracked")
        else torch.tensor(weight(before + name, tuple(each.shape)).astype(np.float64))
        for name, each in network.state_dict().items()
    }
    network.load_state_dict(state, assign=True)
    x = torch.tensor(np.moveaxis(image(side), 3, 1).astype(np.float64), requires_grad=True)
    outputs = network(x)
    (slope,) = torch.autograd.grad(outputs.sum(), x)
    return outputs.detach().numpy(), np.moveaxis(slope.numpy(), 1, 3)
