"""The wheel: complete by itself, run from an empty folder."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from typing import TYPE_CHECKING

import pytest

from tests.nodes.process import free_ports
from tests.program import ROOT, donations, offline_config, served

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with what the wheel unpacks to."""
    folder = tmp_path_factory.mktemp("wheel")
    build = [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder / "dist")]
    subprocess.run(build, cwd=ROOT, check=True, capture_output=True)
    (wheel,) = (folder / "dist").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        archive.extractall(folder / "site")
    return folder / "site"


def test_the_wheel_holds_the_package_and_what_browsers_get(installed: Path) -> None:
    """Every file of donations/ and widget/, and nothing of the tests."""
    for source, target in (("donations", "donations"), ("widget", "donations/_widget")):
        wanted = {
            path.relative_to(ROOT / source)
            for path in (ROOT / source).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        unpacked = {
            path.relative_to(installed / target) for path in (installed / target).rglob("*")
        }
        assert wanted <= unpacked
    assert not (installed / "tests").exists()


def test_it_serves_from_an_empty_folder(installed: Path, tmp_path: Path) -> None:
    """The installed service shows the page with three codes."""
    (port,) = free_ports(1)
    with served(offline_config(tmp_path, port), port, package=installed) as service:
        assert service.page.count("<svg") == 3


def test_its_commands_find_their_files(installed: Path, tmp_path: Path) -> None:
    """`embed` reads the script and the languages out of the installed package."""
    config = offline_config(tmp_path, 8080)
    text = config.read_text(encoding="utf-8")
    config.write_text(f'public_url = "https://d.example"\n{text}', encoding="utf-8")
    done = donations("embed", folder=tmp_path, package=installed)
    assert (done.returncode, done.stderr) == (0, "")
    assert "integrity=" in done.stdout
