"""Which process asks for what: two with the same prompts on one journal pay for each prompt once.

A process claims its keys before it sends anything. A claim holds while its owner is alive, which the owner says again
and again: one that died, or was stopped for longer than LEASE_S, has lost it.
"""

import json
import os
import socket
import sqlite3
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress

LEASE_S = 60.0  # a disk may be busy for as long (see schema.BUSY_S)
RENEW_S = 10.0

TABLES = """
CREATE TABLE IF NOT EXISTS owners (owner TEXT PRIMARY KEY, host TEXT, pid INTEGER, until REAL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS claims (key TEXT PRIMARY KEY, owner TEXT) WITHOUT ROWID;
"""


class Owner:
    """This process, once for each journal that it has open."""

    def __init__(self) -> None:
        self.name = uuid.uuid4().hex
        self.host, self.pid = socket.gethostname(), os.getpid()

    def claim(self, db: sqlite3.Connection, keys: Sequence[str]) -> set[str]:
        """Claim the keys that nobody else holds; return those that somebody does."""
        with db:
            db.execute("BEGIN IMMEDIATE")
            this = (self.name, self.host, self.pid, time.time() + LEASE_S)
            db.execute("INSERT OR REPLACE INTO owners VALUES (?, ?, ?, ?)", this)
            for owner, host, pid, until in db.execute("SELECT * FROM owners").fetchall():
                if until < time.time() or (host == self.host and not _lives(pid)):
                    db.execute("DELETE FROM claims WHERE owner = ?", (owner,))
                    db.execute("DELETE FROM owners WHERE owner = ?", (owner,))
            own = ((key, self.name) for key in sorted(keys))
            db.executemany("INSERT OR IGNORE INTO claims VALUES (?, ?)", own)
            query = "SELECT key FROM claims WHERE key IN (SELECT value FROM json_each(?)) AND owner != ?"
            return {key for (key,) in db.execute(query, (json.dumps(list(keys)), self.name))}

    def renew(self, db: sqlite3.Connection) -> None:
        """Say that this process is alive."""
        with suppress(sqlite3.Error), db:
            db.execute("UPDATE owners SET until = ? WHERE owner = ?", (time.time() + LEASE_S, self.name))

    def release(self, db: sqlite3.Connection) -> None:
        """Give back whatever is claimed."""
        with suppress(sqlite3.Error), db:
            db.execute("DELETE FROM claims WHERE owner = ?", (self.name,))
            db.execute("DELETE FROM owners WHERE owner = ?", (self.name,))


def _lives(pid: int) -> bool:
    """Whether there is such a process on this machine."""
    if os.name != "posix":
        return True  # Windows ends a process that is asked so
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:
        pass
    return True
