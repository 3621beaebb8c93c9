"""Why something does not work: a closed list, safe to show to anyone, with what to do about it.

Every failure of an upstream, an operator, the store or the service itself has exactly one of these.
"""

from __future__ import annotations

from enum import StrEnum
from types import MappingProxyType


class Reason(StrEnum):
    """Upstreams first, then operators, the store and the service."""

    TIMEOUT = "timeout"
    UNREACHABLE = "unreachable"
    NO_SUCH_HOST = "no-such-host"
    TLS = "tls"
    CERTIFICATE = "certificate"
    CLOSED = "closed"
    CUT_SHORT = "cut-short"
    RATE_LIMITED = "rate-limited"
    REFUSED = "refused"
    SERVER_ERROR = "server-error"
    HTTP_STATUS = "http-status"
    REDIRECTED = "redirected"
    NOT_FOUND = "not-found"
    NOT_JSON = "not-json"
    TOO_LARGE = "too-large"
    COMPRESSED = "compressed"
    WRONG_ID = "wrong-id"
    RPC_ERROR = "rpc-error"
    VERSION = "version"
    WRONG_NETWORK = "wrong-network"
    NOT_SYNCHRONIZED = "not-synchronized"
    OTHER_BRANCH = "other-branch"
    MALFORMED = "malformed"
    MOVED = "moved"
    IMPOSSIBLE = "impossible"
    LIE = "lie"
    UNEXPECTED = "unexpected"

    STORE_FULL = "store-full"
    STORE_LOCKED = "store-locked"
    STORE_READ_ONLY = "store-read-only"
    STORE_CORRUPT = "store-corrupt"
    STORE_INPUT_OUTPUT = "store-input-output"
    STORE_SCHEMA = "store-schema"
    STORE_MOVED = "store-moved"
    STORE = "store"

    NO_PRICE = "no-price"
    PRICE_FILE = "price-file"

    STARTING = "starting"
    STOPPING = "stopping"
    UPSTREAMS = "upstreams"

    @property
    def meaning(self) -> str:
        """One sentence: what it means, and what to do."""
        return MEANINGS[self]


MEANINGS = MappingProxyType(
    {
        Reason.TIMEOUT: "It does not answer in time; it is asked again by itself, replace it if "
        "that lasts for days.",
        Reason.UNREACHABLE: "No connection can be made; look at this machine's network and at the "
        "port in the upstream's URL.",
        Reason.NO_SUCH_HOST: "Its name leads to no address; look at the upstream's URL and at this "
        "machine's name servers.",
        Reason.TLS: "No encrypted connection can be made, and plain text is never tried instead; "
        "look at the scheme and port in the upstream's URL.",
        Reason.CERTIFICATE: "Its certificate has run out, is of another host, or is another than "
        "before; if an Electrum server renewed its own, run `donations check --accept-certificate "
        "HOST`, else replace it.",
        Reason.CLOSED: "It closes the connection; it is called again by itself, replace it if "
        "that lasts for days.",
        Reason.CUT_SHORT: "Its answer ends too early and was thrown away whole; it is asked again "
        "by itself.",
        Reason.RATE_LIMITED: "It asks for fewer questions and is left alone for as long as it "
        "says; poll less often or use another upstream if that lasts.",
        Reason.REFUSED: "It refuses to answer us; it may want a key in the URL, or has banned this "
        "address: ask its operator, or replace it.",
        Reason.SERVER_ERROR: "It reports an error of its own; nothing is to be done here, it is "
        "asked again by itself.",
        Reason.HTTP_STATUS: "It answers with a status that is no answer; look at the path in the "
        "upstream's URL.",
        Reason.REDIRECTED: "It sends us elsewhere, which is not followed; if it moved, write its "
        "new URL into the configuration.",
        Reason.NOT_FOUND: "It does not have what its kind of server has; look at the path in the "
        "upstream's URL, or replace it.",
        Reason.NOT_JSON: "It sends something else than JSON, such as a page for people; look at "
        "the upstream's URL, or replace it.",
        Reason.TOO_LARGE: "It sends more than any right answer holds, and was cut off; replace it "
        "if that repeats.",
        Reason.COMPRESSED: "It packs its answers in a way that was not asked for, or far too "
        "densely; replace it if that repeats.",
        Reason.WRONG_ID: "It answers something that was not asked; a faulty proxy does that: "
        "replace it if that repeats.",
        Reason.RPC_ERROR: "It answers a question with an error; it may lack a method or old "
        "blocks: compare with `donations check`, and replace it if that lasts.",
        Reason.VERSION: "It speaks a version of the protocol that is not known here; replace it.",
        Reason.WRONG_NETWORK: "It serves another network or another coin; correct the "
        "upstream's URL.",
        Reason.NOT_SYNCHRONIZED: "It does not have all blocks yet, or fell behind; wait, or "
        "replace it.",
        Reason.OTHER_BRANCH: "It follows another branch of the chain than the operators that "
        "agree, and has no say meanwhile; wait, or replace it.",
        Reason.MALFORMED: "Its answer is not of the documented form and was not believed; replace "
        "it if that lasts, and report it if it is a well-known server.",
        Reason.MOVED: "Its chain moved while it was read; it is read again by itself.",
        Reason.IMPOSSIBLE: "What it says cannot be true and was not believed; replace it if that "
        "repeats.",
        Reason.LIE: "What it says is proven wrong by its own words, and it has no vote for now; "
        "look at the evidence, and replace it.",
        Reason.UNEXPECTED: "An error of this program, which goes on; please report the lines in "
        "the log.",
        Reason.STORE_FULL: "The disk is full: nothing new is recorded or shown until there is room "
        "again; make room.",
        Reason.STORE_LOCKED: "Another program holds the database; close it (a backup, a database "
        "browser, a second service).",
        Reason.STORE_READ_ONLY: "The database cannot be written; look at who owns the file and its "
        "folder, and whether the disk is mounted for writing.",
        Reason.STORE_CORRUPT: "The database is damaged; run `donations doctor`, and put your last "
        "backup in its place.",
        Reason.STORE_INPUT_OUTPUT: "The disk fails to read or write; nothing unsaved is shown: "
        "look at the disk and at the log of the system.",
        Reason.STORE_SCHEMA: "The database belongs to another version of this program, or to "
        "another network; use the version that wrote it.",
        Reason.STORE_MOVED: "The file of the database was moved, removed or replaced under the "
        "running service: nothing is recorded; put it back, or restart the service.",
        Reason.STORE: "The database cannot be used; run `donations doctor`.",
        Reason.NO_PRICE: "Some gifts have no value yet, because too few sources of prices tell one "
        "alike; run `donations check`, or write your own prices into a file.",
        Reason.PRICE_FILE: "The file of own prices cannot be read, and the last one holds; the log "
        "names the line and what is wrong with it.",
        Reason.STARTING: "The service has just started; wait a moment.",
        Reason.STOPPING: "The service is being stopped.",
        Reason.UPSTREAMS: "Some address has no fresh number, because too few operators answer or "
        "agree; run `donations check`.",
    }
)
