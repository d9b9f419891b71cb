"""Callbacks: what is called while a model trains."""

from typing import TYPE_CHECKING

from cnnfast.callbacks.backup_and_restore import BackupAndRestore
from cnnfast.callbacks.callback import Callback
from cnnfast.callbacks.callback_list import CallbackList
from cnnfast.callbacks.csv_logger import CSVLogger
from cnnfast.callbacks.early_stopping import EarlyStopping
from cnnfast.callbacks.history import History
from cnnfast.callbacks.lambda_callback import LambdaCallback
from cnnfast.callbacks.learning_rate_scheduler import LearningRateScheduler
from cnnfast.callbacks.model_checkpoint import ModelCheckpoint
from cnnfast.callbacks.progress_bar import ProgressBar
from cnnfast.callbacks.reduce_lr_on_plateau import ReduceLROnPlateau
from cnnfast.callbacks.swap_ema_weights import SwapEMAWeights
from cnnfast.callbacks.tensor_board import TensorBoard
from cnnfast.callbacks.terminate_on_nan import TerminateOnNaN
from cnnfast.utils.missing import missing

ProgbarLogger = ProgressBar  # Keras's name

__all__ = [
    "BackupAndRestore",
    "CSVLogger",
    "Callback",
    "CallbackList",
    "EarlyStopping",
    "History",
    "LambdaCallback",
    "LearningRateScheduler",
    "ModelCheckpoint",
    "ProgbarLogger",
    "ProgressBar",
    "ReduceLROnPlateau",
    "SwapEMAWeights",
    "TensorBoard",
    "TerminateOnNaN",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
