"""Keras's older place of `pad_sequences`."""

from cnnfast.utils.batched import pad_sequences

__all__ = ["pad_sequences"]
