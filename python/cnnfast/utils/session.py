"""What lasts from one model to the next in a process."""

from __future__ import annotations


def clear_session(free_memory: bool = True) -> None:
    """Lets names of layers begin anew: the next Dense without a name is `dense` again.

    Models need no clearing: they are freed when nobody holds them any more.

    Args:
        free_memory: Whether to collect what only holds itself, too.

    Source:
        Keras 3, `keras.utils.clear_session`.

    Example:
        >>> from cnnfast.layers import Dense
        >>> clear_session()
        >>> Dense(1).name
        'dense'
    """
    import gc

    from cnnfast.layers.layer import forget_names

    forget_names()
    if free_memory:
        gc.collect()
