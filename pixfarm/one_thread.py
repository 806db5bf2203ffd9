"""Libraries of numbers keep to one thread: the farm has a process for each core. Import it before NumPy."""

import os

# Where somebody has set another number, that stands.
for _name in ("OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
