"""The translators of ONNX's operators, a room for each family; importing it fills the table."""

from cnnfast.io.onnx.translators import (
    activations,
    arithmetic,
    convolutions,
    dense,
    losses,
    moving,
    normalizing,
    picking,
    pooling,
    reducing,
    resizing,
    shaping,
)

__all__ = [
    "activations",
    "arithmetic",
    "convolutions",
    "dense",
    "losses",
    "moving",
    "normalizing",
    "picking",
    "pooling",
    "reducing",
    "resizing",
    "shaping",
]
