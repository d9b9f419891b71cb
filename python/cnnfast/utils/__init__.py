"""Small helpers around training."""

from importlib import import_module
from typing import TYPE_CHECKING

from cnnfast.config import (
    disable_interactive_logging,
    enable_interactive_logging,
    is_interactive_logging_enabled,
    set_random_seed,
    standardize_dtype,
)
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

if TYPE_CHECKING:
    from cnnfast.utils.batched import normalize, pad_sequences, split_dataset, timeseries_dataset_from_array
    from cnnfast.utils.fetching import get_file
    from cnnfast.utils.names import (
        deserialize_keras_object,
        is_keras_tensor,
        serialize_keras_object,
    )
    from cnnfast.utils.picture_folder import image_dataset_from_directory
    from cnnfast.utils.pictures import array_to_img, img_to_array, load_img, save_img
    from cnnfast.utils.plotting import plot_model
    from cnnfast.utils.progbar import Progbar

Sequence = PyDataset  # Keras's other name

# Imported when first used.
_LAZY = {
    "Progbar": "progbar",
    "array_to_img": "pictures",
    "deserialize_keras_object": "names",
    "get_file": "fetching",
    "image_dataset_from_directory": "picture_folder",
    "img_to_array": "pictures",
    "is_keras_tensor": "names",
    "load_img": "pictures",
    "normalize": "batched",
    "pad_sequences": "batched",
    "plot_model": "plotting",
    "save_img": "pictures",
    "serialize_keras_object": "names",
    "split_dataset": "batched",
    "timeseries_dataset_from_array": "batched",
}

__all__ = [
    "CustomObjectScope",
    "Progbar",
    "PyDataset",
    "Sequence",
    "array_to_img",
    "clear_session",
    "custom_object_scope",
    "deserialize_keras_object",
    "disable_interactive_logging",
    "enable_interactive_logging",
    "get_custom_objects",
    "get_file",
    "get_registered_name",
    "get_registered_object",
    "image_dataset_from_directory",
    "img_to_array",
    "is_interactive_logging_enabled",
    "is_keras_tensor",
    "load_img",
    "normalize",
    "pack_x_y_sample_weight",
    "pad_sequences",
    "plot_model",
    "register_keras_serializable",
    "save_img",
    "serialize_keras_object",
    "set_random_seed",
    "split_dataset",
    "standardize_dtype",
    "timeseries_dataset_from_array",
    "to_categorical",
    "unpack_x_y_sample_weight",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        if name in _LAZY:
            return getattr(import_module(f"cnnfast.utils.{_LAZY[name]}"), name)
        raise missing(__name__, name)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
