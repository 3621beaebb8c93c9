"""Faults of a disk, put between SQLite and the operating system.

SQLite reaches files through a table of functions (sqlite3_vfs and sqlite3_io_methods, documented
under "The OS Interface"). Those that write and make durable are replaced here, in this process, for
as long as a block lasts: no other program or privilege is needed.
"""

from __future__ import annotations

import _sqlite3
import ctypes
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

READ_ONLY = 8
FULL, WRITE_ERROR, SYNC_ERROR, TRUNCATE_ERROR = 13, 10 | 3 << 8, 10 | 4 << 8, 10 | 6 << 8
_LOG = 0x80000  # SQLITE_OPEN_WAL
_P = ctypes.c_void_p
# The name stays a pointer: SQLite keeps it for as long as the file is open.
_OPEN = ctypes.CFUNCTYPE(ctypes.c_int, _P, _P, _P, ctypes.c_int, _P)
_WRITE = ctypes.CFUNCTYPE(ctypes.c_int, _P, _P, ctypes.c_int, ctypes.c_int64)
_SYNC = ctypes.CFUNCTYPE(ctypes.c_int, _P, ctypes.c_int)
_TRUNCATE = ctypes.CFUNCTYPE(ctypes.c_int, _P, ctypes.c_int64)


class _Vfs(ctypes.Structure):
    _fields_ = (
        ("version", ctypes.c_int),
        ("file_size", ctypes.c_int),
        ("longest_path", ctypes.c_int),
        ("next", _P),
        ("name", ctypes.c_char_p),
        ("data", _P),
        ("open", _P),
    )


class _Methods(ctypes.Structure):
    """All of them, as of version 3; older ones are shorter, and no more is copied of them."""

    _fields_ = (
        ("version", ctypes.c_int),
        ("close", _P),
        ("read", _P),
        ("write", _P),
        ("truncate", _P),
        ("sync", _P),
        ("rest", _P * 13),
    )


class _File(ctypes.Structure):
    _fields_ = (("methods", ctypes.POINTER(_Methods)),)


@dataclass
class Disk:
    """Counts what is written and made durable, and fails at the steps named in ``fails``.

    ``code`` is SQLite's for what happens then; without one it is an I/O error, or a full disk.
    """

    steps: int = 0
    fails: range = range(0)
    full: bool = False
    code: int | None = None
    met: int = 0
    kinds: list[str] = field(default_factory=list)

    def step(self, kind: str, error: int) -> int:
        """0, or SQLite's code of the failure at this step."""
        self.steps += 1
        self.kinds.append(kind)
        if self.steps - 1 not in self.fails:
            return 0
        self.met += 1
        if self.code is not None:
            return self.code
        return FULL if self.full and error == WRITE_ERROR else error


@contextmanager
def on_disk(disk: Disk | None = None) -> Iterator[Disk]:
    """Every database that is opened inside the block lies on this disk (a new one)."""
    library = ctypes.CDLL(_sqlite3.__file__)
    library.sqlite3_vfs_find.restype = ctypes.POINTER(_Vfs)
    vfs = library.sqlite3_vfs_find(None).contents
    disk, kept = disk or Disk(), dict[tuple[int, bool], Any]()
    real_open = vfs.open
    open_really = _OPEN(real_open)

    def open_file(its: int, name: int, file: int, flags: int, out: int) -> int:
        code: int = open_really(its, name, file, flags, out)
        handle = _File.from_address(file)
        if code == 0 and handle.methods:
            is_log = bool(flags & _LOG)
            place = ctypes.addressof(handle.methods.contents), is_log
            if place not in kept:
                kept[place] = _failing(handle.methods.contents, disk, is_log=is_log)
            handle.methods = ctypes.pointer(kept[place][0])
        return code

    replaced = _OPEN(open_file)
    vfs.open = ctypes.cast(replaced, _P)
    try:
        yield disk
    finally:
        vfs.open = real_open


def _failing(methods: _Methods, disk: Disk, *, is_log: bool) -> tuple[_Methods, list[Any]]:
    """A copy that fails where ``disk`` says, and what has to live as long as it."""
    write, sync, truncate = (
        _WRITE(methods.write),
        _SYNC(methods.sync),
        _TRUNCATE(methods.truncate),
    )
    copy = _Methods()
    ctypes.pointer(copy)[0] = methods

    def write_or_fail(file: int, data: int, size: int, at: int) -> int:
        return disk.step("write" if is_log else "checkpoint", WRITE_ERROR) or write(
            file, data, size, at
        )

    def sync_or_fail(file: int, flags: int) -> int:
        return disk.step("commit" if is_log else "checkpoint", SYNC_ERROR) or sync(file, flags)

    def truncate_or_fail(file: int, size: int) -> int:
        return disk.step("checkpoint", TRUNCATE_ERROR) or truncate(file, size)

    calls = [_WRITE(write_or_fail), _SYNC(sync_or_fail), _TRUNCATE(truncate_or_fail)]
    copy.write = ctypes.cast(calls[0], _P)
    copy.sync = ctypes.cast(calls[1], _P)
    copy.truncate = ctypes.cast(calls[2], _P)
    return copy, [calls, write, sync, truncate, methods]
