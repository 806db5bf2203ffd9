"""Whether a library ran out of memory: libjpeg and libwebp then only say that they have failed."""

import ctypes
import errno

# The C library's own errno; that of ctypes is another one, kept for the functions it calls itself.
_errno_location = ctypes.CDLL(None).__errno_location  # noqa: SLF001 - a function of the C library
_errno_location.restype = ctypes.POINTER(ctypes.c_int)


def forget_failed_allocation() -> None:
    """To be called before the work that has_failed_allocation() is about."""
    _errno_location().contents.value = 0


def has_failed_allocation() -> bool:
    """Whether an allocation was the last thing that failed in this thread since it was to be forgotten.

    malloc() leaves ENOMEM in errno and nothing that succeeds takes it away. In a sweep over memory limits
    of five formats each image that failed for want of memory had it, and no truncated image did.
    """
    return bool(_errno_location().contents.value == errno.ENOMEM)
