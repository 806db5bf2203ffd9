"""pixfarm farms out image work: a client submits a directory, a server spreads it, nodes process it."""

__version__ = "0.1.0"
