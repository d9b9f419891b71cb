"""Small helpers around training."""

from typing import TYPE_CHECKING

from cnnfast.config import set_random_seed
from cnnfast.utils.batches import PyDataset, pack_x_y_sample_weight, unpack_x_y_sample_weight
from cnnfast.utils.custom_objects import (
    CustomObjectScope,
    custom_object_scope,
    get_custom_objects,
    get_registered_name,
    get_registered_object,
    register_keras_serializable,
)
from cnnfast.utils.missing import missing
from cnnfast.utils.session import clear_session
from cnnfast.utils.to_categorical import to_categorical

Sequence = PyDataset  # Keras's other name

__all__ = [
    "CustomObjectScope",
    "PyDataset",
    "Sequence",
    "clear_session",
    "custom_object_scope",
    "get_custom_objects",
    "get_registered_name",
    "get_registered_object",
    "pack_x_y_sample_weight",
    "register_keras_serializable",
    "set_random_seed",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
