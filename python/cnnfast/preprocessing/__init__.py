"""Keras's older place of what reads pictures and cuts sequences; `cnnfast.utils` is its home."""

from cnnfast.preprocessing import image, sequence
from cnnfast.utils.batched import timeseries_dataset_from_array
from cnnfast.utils.picture_folder import image_dataset_from_directory

__all__ = ["image", "image_dataset_from_directory", "sequence", "timeseries_dataset_from_array"]
