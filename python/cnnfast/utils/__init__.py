"""Small helpers around training."""

from typing import TYPE_CHECKING

from cnnfast.config import set_random_seed
from cnnfast.utils.missing import missing
from cnnfast.utils.to_categorical import to_categorical

__all__ = ["set_random_seed", "to_categorical"]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
