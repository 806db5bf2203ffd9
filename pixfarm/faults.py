"""What failures of the operating system mean when no image is to blame for them."""

import errno

from pixfarm.errors import FailureCode

# Not EAGAIN: at a file it is somebody's lease.
_OF_THE_NODE = {
    errno.ENOSPC: (FailureCode.NO_SPACE, "no space left for output_dir"),
    errno.EDQUOT: (FailureCode.NO_SPACE, "the disk quota for output_dir is used up"),
    errno.EROFS: (FailureCode.READ_ONLY, "output_dir is on a file system that is read-only"),
    errno.EMFILE: (FailureCode.NO_RESOURCES, "the node has too many open files; raise its limit (ulimit -n)"),
    errno.ENFILE: (FailureCode.NO_RESOURCES, "the node's machine has too many open files"),
    errno.ENOMEM: (FailureCode.NO_RESOURCES, "the node's machine is out of memory"),
}
NODE_FAULTS = frozenset(code for code, _ in _OF_THE_NODE.values())

# An NFS server knows the file or folder no more by which this machine knew it: it was replaced, or the share
# was made anew. Linux has looked the name up once more by then. Another machine, or a later moment, sees what
# is there now, as with a file that is not yet to be seen here, so it has the same code.
STALE = (FailureCode.NOT_FOUND, "was replaced on the file server; if this lasts, mount the share anew")


def node_fault(error: OSError) -> tuple[FailureCode, str] | None:
    """Code and one line for a person when it is the node's own failure; None when it is not."""
    return _OF_THE_NODE.get(error.errno or 0)
