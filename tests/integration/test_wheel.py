"""The wheel works by itself: installed elsewhere with the locked packages alone, it runs the demo."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import venv
import zipfile
from importlib.metadata import distribution
from pathlib import Path

import pytest
from packaging.markers import Marker

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("config", "detectors", "models", "monitor")
# A line of the lock: name, version, and the marker that says where it is installed.
PIN = re.compile(r"^(?P<name>[A-Za-z0-9._-]+)==(?P<version>[^ ;\\]+)(?: ; (?P<marker>[^\\]+))?", re.MULTILINE)


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel of this source tree."""
    folder = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)],
        check=True,
        stdout=subprocess.DEVNULL,
    )
    (built,) = folder.glob("credit_monitor-*-py3-none-any.whl")
    return built


@pytest.fixture(scope="module")
def elsewhere(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The ``bin`` folder of another environment that holds the wheel and the packages of the lock, no others.

    The packages are linked from the present environment, where they were installed from the same lock: this
    needs no network, and what only the developers' lock holds is missing as it would be at a customer's.
    """
    home = tmp_path_factory.mktemp("elsewhere")
    venv.create(home, with_pip=False, symlinks=True)
    (site_packages,) = home.glob("lib/python3.*/site-packages")
    for pin in PIN.finditer((ROOT / "requirements.lock").read_text(encoding="utf-8")):
        if pin["marker"] and not Marker(pin["marker"]).evaluate():
            continue
        installed = distribution(pin["name"])
        assert installed.version == pin["version"], f"{pin['name']} is not as locked: run make install"
        for top in {file.parts[0] for file in installed.files or [] if file.parts[0] != ".."}:
            link = site_packages / top
            if not link.exists():
                link.symlink_to(Path(str(installed.locate_file(top))))
    pip = [sys.executable, "-m", "pip", "--python", str(home / "bin" / "python"), "--quiet"]
    subprocess.run([*pip, "install", "--disable-pip-version-check", "--no-deps", "--no-index", wheel], check=True)
    return home / "bin"


def environment(home: Path) -> dict[str, str]:
    """An environment of a person who has never run the program."""
    return {"HOME": str(home), "PATH": os.environ["PATH"], "LANG": "C.UTF-8"}


def test_the_wheel_holds_every_file_of_the_packages(wheel: Path) -> None:
    git = shutil.which("git")
    assert git is not None, "this test asks git which files belong to the project"
    listed = subprocess.run(
        [
            git,
            "-C",
            str(ROOT),
            "ls-files",
            "-z",
            "--cached",
            "--others",
            "--exclude-standard",
            "--",
            *PACKAGES,
        ],
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    ours = {name for name in listed.split("\0") if name and (ROOT / name).is_file()}
    with zipfile.ZipFile(wheel) as archive:
        packed = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert packed == ours


def test_the_program_runs_from_the_wheel_and_not_from_this_tree(elsewhere: Path, tmp_path: Path) -> None:
    where = subprocess.run(
        [elsewhere / "python", "-c", "import monitor, config; print(monitor.__file__, config.__file__)"],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(tmp_path),
    ).stdout.split()
    assert all(Path(file).is_relative_to(elsewhere.parent) for file in where)


def test_the_tables_of_the_database_come_with_the_wheel(elsewhere: Path, tmp_path: Path) -> None:
    asked = "from monitor.store.postgresql import database, versions; print(versions.revisions() == database.REVISIONS)"
    said = subprocess.run(
        [elsewhere / "python", "-c", asked],
        check=True,
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(tmp_path),
    ).stdout
    assert said == "True\n"


def test_the_demonstration_runs_elsewhere(elsewhere: Path, tmp_path: Path) -> None:
    run = subprocess.run(
        [elsewhere / "credit-monitor", "demo", "--once"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env=environment(tmp_path),
        timeout=120,
        stdin=subprocess.DEVNULL,
    )
    assert run.returncode == 0, run.stderr[-2000:]
    assert run.stdout.strip(), "the demonstration ends with a summary on standard output"
