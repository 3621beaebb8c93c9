"""The machine under the service: clock, files and who may touch them, room, limits."""

from __future__ import annotations

import fcntl
import os
import resource
import shutil
import stat
import time
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from donations.doctor.database import log_of
from donations.doctor.finding import fault, fine, warning

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterator
    from pathlib import Path

    from donations.config import Config
    from donations.doctor.finding import Finding

# Consensus lets a block be two hours ahead of those who judge it.
_AHEAD_SECONDS = 2 * 3600
_SKEW_SECONDS = 60
# No release is older than this: a clock that tells less was never set.
_RELEASED = 1_790_000_000
_MIB = 2**20
_ROOM_FAULT, _ROOM_WARNING = 64 * _MIB, 512 * _MIB
# 1,000 connections of readers, and what the database and the upstreams need beside them.
_FILES = 1_024
_FILES_FAULT = 128


def is_running(database: Path) -> bool:
    """Whether a service has this database open: it holds a lock for as long as it lives."""
    try:
        lock = database.with_name(database.name + ".lock").open("rb")
    except OSError:
        return False
    with lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except OSError:
            return True
    return False


def check_clock(connection: sqlite3.Connection | None) -> Iterator[Finding]:
    """Whether the clock can be right, by what is recorded: nobody is asked for the time."""
    now = int(time.time())
    cure = "set the clock (timedatectl set-ntp true), then restart the service"
    told = (0, 0)
    if connection is not None:
        told = connection.execute("SELECT max(time), max(at) FROM views").fetchone()
    block, seen = (moment or 0 for moment in told)
    if now < _RELEASED:
        yield fault("clock", "the clock tells a moment before this program was made", cure)
    elif block > now + _AHEAD_SECONDS:
        hours = (block - now) // 3600
        yield fault("clock", f"the newest block recorded is {hours} hours ahead of the clock", cure)
    elif seen > now + _SKEW_SECONDS:
        yield warning(
            "clock",
            f"the service last looked {seen - now} seconds from now: the clock was set back, so "
            "numbers look fresher than they are",
            cure,
        )
    else:
        yield fine("clock", "no recorded block or look is ahead of it")


def check_files(config: Config) -> Iterator[Finding]:
    """Whether only those who should can change what moves money, and the service can write."""
    found = [*_check_config_file(config), *_check_database_files(config.database)]
    yield from found or [fine("permissions", "nobody else may write the files of the service")]


def _check_config_file(config: Config) -> Iterator[Finding]:
    path = config.path
    if path is None or not path.exists():
        return
    mode = path.stat().st_mode
    if mode & stat.S_IWOTH or _is_open(path.resolve().parent):
        yield fault(
            "permissions",
            f"anybody on this machine may replace {path}, and with it the addresses",
            f"chmod o-w {path} {path.resolve().parent}, then look at the addresses in it",
        )
    if mode & stat.S_IROTH and _has_secret(config):
        yield warning(
            "permissions",
            f"{path} names an upstream with a path, query or password that may be a key, and "
            "anybody on this machine may read it",
            f"chmod o-r {path}, or take the URL from the environment: "
            'url = { env = "ETHEREUM_URL" }',
        )


def _is_open(folder: Path) -> bool:
    """Whether anybody may replace files in a folder: in a sticky one only the owner may."""
    mode = folder.stat().st_mode
    return bool(mode & stat.S_IWOTH) and not mode & stat.S_ISVTX


def _has_secret(config: Config) -> bool:
    parts = [urlsplit(u.url) for s in config.chains.values() for u in s.upstreams]
    return any(p.path.strip("/") or p.query or "@" in p.netloc for p in parts)


def _check_database_files(database: Path) -> Iterator[Finding]:
    folder = database.resolve().parent
    if not folder.exists():
        return
    if _is_open(folder):
        yield fault(
            "permissions",
            f"anybody on this machine may replace files in {folder}",
            f"chmod o-w {folder}",
        )
    if not database.exists():
        return
    owner = database.stat().st_uid
    for path in (database, log_of(database), database.with_name(database.name + "-shm")):
        if not path.exists():
            continue
        if path.stat().st_mode & stat.S_IWOTH:
            yield fault(
                "permissions", f"anybody on this machine may change {path}", f"chmod o-w {path}"
            )
        if path.stat().st_uid != owner:
            yield fault(
                "permissions",
                f"{path.name} does not belong to the owner of the database: the service, which "
                "must write both, will fail",
                f"chown {owner} {path}",
            )
    if not os.access(database, os.W_OK):
        yield warning(
            "permissions",
            f"the user who asks may not write {database}",
            "nothing, if the service runs as another user (systemd's DynamicUser does)",
        )


def check_room(database: Path) -> Iterator[Finding]:
    """Whether the database can grow."""
    folder = database.resolve().parent
    if not folder.exists():
        yield warning("disk", f"there is no folder {folder} yet", "`donations serve` makes it")
        return
    free = shutil.disk_usage(folder).free
    text = f"{free // _MIB} MiB are free in {folder}"
    cure = "make room: a full disk stops the records; what is published stays served"
    if free < _ROOM_FAULT:
        yield fault("disk", text, cure)
    elif free < _ROOM_WARNING:
        yield warning("disk", text, cure)
    else:
        yield fine("disk", text)


def check_limits() -> Iterator[Finding]:
    """How many files and connections a process started here may have open."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    text = f"a process started here may open {soft} files and connections"
    cure = f"raise it: LimitNOFILE={_FILES * 2} in the unit, or ulimit -n {_FILES * 2}"
    if soft != resource.RLIM_INFINITY and soft < _FILES_FAULT:
        yield fault("limits", f"{text}: too few to ask upstreams and serve readers", cure)
    elif soft != resource.RLIM_INFINITY and soft < _FILES:
        yield warning("limits", f"{text}; the service takes up to 1,000 readers at once", cure)
    else:
        yield fine("limits", text)
