"""Functions of people's own: found in the directory that a node was started with, and called."""

from pixfarm.imaging.own_functions.calling import call

__all__ = ["call"]
