"""How many connections there may be, where a process may have few files open."""

from __future__ import annotations

import resource
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from donations.web.server import Limits

# The loop takes only so many connections at a time, and serves others in between.
ACCEPTED_AT_ONCE = 32
# Files for the database, the upstreams and the log.
_OTHER_FILES = 128
# Accepted, not yet sent away: the loop takes some turns for that.
_SENT_AWAY = 4 * ACCEPTED_AT_ONCE
# Where hardly any files are allowed: still a browser, and a proxy.
_LEAST_CONNECTIONS = 8


def as_files_allow(limits: Limits) -> Limits:
    """Fewer connections where this process may not have so many files open.

    An accept that fails would stop everybody for a second at a time, and those that are accepted
    only to be sent away need files as well.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    others = _OTHER_FILES + _SENT_AWAY
    wanted = limits.connections + others
    if soft != resource.RLIM_INFINITY and soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
        room = max(soft - others, _LEAST_CONNECTIONS)
        return replace(limits, connections=min(limits.connections, room))
    return limits
