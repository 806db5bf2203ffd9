"""The C library's allocator, told not to spread over threads."""

import ctypes
from contextlib import suppress

_M_ARENA_MAX = -8  # <malloc.h> of glibc


def keep_one_arena() -> None:
    """Has all threads of this process take memory from one place; before it starts threads.

    By default glibc gives each of up to eight threads per core a place of its own, and keeps what is freed
    there. A large block that Python makes anew now and then, such as its table of names, then leaves a
    megabyte behind in one place after the other. Our threads hold the interpreter's lock when they take
    memory, so that one place makes nobody wait.
    """
    with suppress(AttributeError):  # another C library than glibc, such as musl, has no such places
        ctypes.CDLL(None).mallopt(_M_ARENA_MAX, 1)
