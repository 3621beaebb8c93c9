"""`donations verify` as a stranger runs it: an empty folder, no configuration, no network."""

from __future__ import annotations

import json
import os
import subprocess
from typing import TYPE_CHECKING

from donations.bundle.form import write
from tests.bundle.made import bundle_of, lived
from tests.program import COMMAND, ENVIRONMENT, donations

if TYPE_CHECKING:
    from pathlib import Path

# A process of root can be given a network of its own, in which nothing is.
ALONE = ("unshare", "--net") if os.geteuid() == 0 else ()


def alone(*arguments: str, folder: Path, stdin: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [*ALONE, *COMMAND, *arguments],
        cwd=folder, env=ENVIRONMENT, input=stdin, capture_output=True, timeout=60, check=False,
    )  # fmt: skip


def test_a_stranger_checks_a_bundle(tmp_path: Path) -> None:
    """The file alone is enough; what it proves and what that rests on is said; nothing is left."""
    over, gifts = lived("btc")
    (tmp_path / "gift.json").write_bytes(write(bundle_of(over, gifts)))
    done = alone("verify", "--test-network", "gift.json", folder=tmp_path)
    said = done.stdout.decode()
    assert done.returncode == 0, done.stderr.decode()
    assert "proven: 0.00015003 BTC in 3 transfers" in said
    assert "anybody can make" in said
    assert "not that nothing else arrived" in said
    assert [file.name for file in tmp_path.iterdir()] == ["gift.json"]


def test_programs_get_json_and_pipes_work(tmp_path: Path) -> None:
    """From standard input, and as JSON with amounts as text."""
    over, gifts = lived("bch", 1)
    done = alone(
        "verify", "--json", "--test-network", "-", folder=tmp_path,
        stdin=write(bundle_of(over, gifts)),
    )  # fmt: skip
    told = json.loads(done.stdout)
    assert (told["units"], told["proven"], told["asset"]) == ("5000", "0.00005", "BCH")
    assert told["transfers"][0]["id"] == gifts[0].id


def test_what_proves_nothing_ends_with_one_and_its_reason(tmp_path: Path) -> None:
    """A forged bundle is exit code 1 and one line; a file that is not there is 2."""
    over, gifts = lived("btc", 1)
    text = write(bundle_of(over, gifts))
    forged = text.replace(b'"units": "5000"', b'"units": "5001"')
    done = alone("verify", "--test-network", "-", folder=tmp_path, stdin=forged)
    assert (done.returncode, done.stdout) == (1, b"")
    assert b"pays 5000 to the address, not 5001" in done.stderr
    done = alone("verify", "-", folder=tmp_path, stdin=text)
    assert (done.returncode, done.stderr.count(b"\n")) == (1, 1)
    assert b"anybody can make" in done.stderr
    missing = donations("verify", "gift.json", folder=tmp_path)
    assert (missing.returncode, missing.stderr.count("\n")) == (2, 1)
