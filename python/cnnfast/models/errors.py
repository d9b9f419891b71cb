"""The error for files that cannot be used."""


class ModelFileError(ValueError):
    """A file that is damaged, foreign, or belongs to another model; nothing was changed by reading it."""
