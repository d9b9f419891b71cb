"""Pictures of networks, as matplotlib figures that no window system is needed for.

Every `plot_*` returns its figure, `figure.savefig("name.png")` writes it, and a notebook shows it by
itself. Given `figure=`, a `Figure` or one of its `subfigures()`, it draws there instead, so that pictures
can be put together.

- history.py: the curves of a training
- filters.py, feature_maps.py: what a layer has learnt, and what it makes of one image
- model_graph.py: a model as boxes and arrows
- confusion.py, mistakes.py: what a classifier gets wrong
- _canvas.py: what they share
"""

from typing import TYPE_CHECKING

from cnnfast.utils.missing import missing
from cnnfast.viz.confusion import confusion_matrix, plot_confusion_matrix
from cnnfast.viz.feature_maps import plot_feature_maps
from cnnfast.viz.filters import plot_filters
from cnnfast.viz.history import plot_history
from cnnfast.viz.mistakes import plot_mistakes, worst_mistakes
from cnnfast.viz.model_graph import plot_model

__all__ = [
    "confusion_matrix",
    "plot_confusion_matrix",
    "plot_feature_maps",
    "plot_filters",
    "plot_history",
    "plot_mistakes",
    "plot_model",
    "worst_mistakes",
]

if not TYPE_CHECKING:  # a checker knows what there is

    def __getattr__(name):
        raise missing(__name__, name)
