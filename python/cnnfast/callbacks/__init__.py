"""Callbacks: what is called while a model trains."""

from typing import TYPE_CHECKING

from cnnfast.callbacks.callback import Callback
from cnnfast.callbacks.early_stopping import EarlyStopping
from cnnfast.callbacks.history import History
from cnnfast.callbacks.lambda_callback import LambdaCallback
from cnnfast.callbacks.learning_rate_scheduler import LearningRateScheduler
from cnnfast.callbacks.model_checkpoint import ModelCheckpoint
from cnnfast.callbacks.progress_bar import ProgressBar
from cnnfast.utils.missing import missing

__all__ = [
    "Callback",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgressBar",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
