"""Seeded bugs, and the tests that catch them: `python -m tests.mutants [WORD ...]`.

Each bug is a small replacement in a copy of the tree; the test named beside it must fail there.
With words, only the bugs whose file or sentence holds one of them are tried. Fails when a bug
survives, when its text is no longer found exactly once, or when a named test fails without any bug.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants_author import AUTHOR
from tests.mutants_core import AGREEMENT, LEDGER, STORE
from tests.mutants_ethereum import ETHEREUM
from tests.mutants_interface import INTERFACE
from tests.mutants_notify import NOTIFY
from tests.mutants_prices import PRICES
from tests.mutants_proof import PROOF
from tests.mutants_show import SHOW
from tests.mutants_sources import SOURCES
from tests.mutants_tamper import TAMPER
from tests.mutants_terminal import TERMINAL
from tests.mutants_trust import TRUST
from tests.mutants_weather import WEATHER
from tests.mutants_widgets import WIDGETS

if TYPE_CHECKING:
    from collections.abc import Sequence

ROOT = Path(__file__).parent.parent
# For the test of one bug, and for all named tests without any.
SECONDS, ALL_SECONDS = 400, 3_600
_COPIED = ("donations", "tests", "widget", "pyproject.toml", "config.example.toml")
_FAILED = 1  # pytest's exit code for "some tests failed"; anything else is no verdict


@dataclass(frozen=True)
class Mutant:
    """``old`` becomes ``new`` in ``file``: then what ``broken`` says is so, and ``test`` fails."""

    file: str
    broken: str
    old: str
    new: str
    test: str


MUTANTS = tuple(
    Mutant(file, *bug)
    for file, bugs in (
        ("donations/ledger.py", LEDGER),
        ("donations/agreement.py", AGREEMENT),
        *STORE,
        *SOURCES,
        *ETHEREUM,
        *INTERFACE,
        *NOTIFY,
        *PROOF,
        *PRICES,
        *SHOW,
        *TAMPER,
        *AUTHOR,
        *TERMINAL,
        *TRUST,
        *WEATHER,
        *WIDGETS,
    )
    for bug in bugs
)


def copy_tree(to: Path) -> None:
    for name in _COPIED:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, to / name, ignore=shutil.ignore_patterns("__pycache__"))
        elif (ROOT / name).exists():
            shutil.copy2(ROOT / name, to / name)


def run(tree: Path, tests: Sequence[str], seconds: float) -> tuple[int | None, str]:
    """pytest's exit code and words; None when it does not come to an end."""
    command = [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", *tests]
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "PYTHONPATH": str(tree)}
    try:
        done = subprocess.run(
            command,
            cwd=tree,
            env=environment,
            timeout=seconds,
            capture_output=True,
            check=False,
            text=True,
        )
    except subprocess.TimeoutExpired:
        return None, ""
    return done.returncode, done.stdout + done.stderr


def verdict(mutant: Mutant) -> str:
    """ "caught", or why not."""
    with tempfile.TemporaryDirectory(prefix="mutant") as folder:
        tree = Path(folder)
        copy_tree(tree)
        path = tree / mutant.file
        text = path.read_text("utf-8")
        found = text.count(mutant.old)
        if found != 1:
            return f"does not apply: its text is found {found} times"
        path.write_text(text.replace(mutant.old, mutant.new), "utf-8")
        code, _ = run(tree, [mutant.test], SECONDS)
        if code is None:
            return "caught (no end)"
        return "caught" if code == _FAILED else f"SURVIVES (pytest: {code})"


def main(words: Sequence[str]) -> int:
    chosen = [
        m for m in MUTANTS if not words or any(word in f"{m.file} {m.broken}" for word in words)
    ]
    with tempfile.TemporaryDirectory(prefix="mutant") as folder:
        copy_tree(Path(folder))
        code, said = run(Path(folder), sorted({m.test for m in chosen}), ALL_SECONDS)
    if code != 0:
        sys.stdout.write(f"{said}\nwithout any bug the named tests do not pass\n")
        return 1
    bad = 0
    with ThreadPoolExecutor(max_workers=os.cpu_count()) as workers:
        for mutant, result in zip(chosen, workers.map(verdict, chosen), strict=True):
            bad += not result.startswith("caught")
            sys.stdout.write(f"{result:8} {mutant.file}: {mutant.broken}\n         {mutant.test}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{len(chosen)} bugs, {len(chosen) - bad} caught\n")
    return 1 if bad or not chosen else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
