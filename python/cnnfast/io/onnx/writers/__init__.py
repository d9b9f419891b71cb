"""The writers of the core's operations as ONNX's; importing it fills the table."""

from cnnfast.io.onnx.writers import arithmetic, layers, moves, sampling

__all__ = ["arithmetic", "layers", "moves", "sampling"]
