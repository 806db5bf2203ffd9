"""The journal: what happened to each image of each job, on disk. Only this package knows SQLite.

One file, one connection, one thread that uses it. `intake` and `writer` own the way from all threads to that
one, `transaction` what is written, `images`, `flags` and `jobs` what is asked, `schema` the tables, `folder`
and `database` the opening.
"""

from pixfarm.journal.journal import Journal
from pixfarm.journal.values import Counted, JournaledJob, Provenance, SizeRange, Sizes

__all__ = ["Counted", "Journal", "JournaledJob", "Provenance", "SizeRange", "Sizes"]
