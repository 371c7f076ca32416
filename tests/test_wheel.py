"""The wheel of a release carries the course: data, weights and lessons, in a place of its own."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from build_notebooks import NOTEBOOKS, execute
from nbformat import read

ROOT = Path(__file__).parents[1]
LIMIT = 15_000_000  # bytes
SOURCES = ["pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT", "sslcourse", "notebooks"]


def python(*arguments, **options):
    done = subprocess.run([sys.executable, *map(str, arguments)], capture_output=True, text=True, **options)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory):
    """Built from a copy, so that nothing is left beside the sources."""
    sources, into = tmp_path_factory.mktemp("sources"), tmp_path_factory.mktemp("wheel")
    for name in SOURCES:
        if (ROOT / name).is_dir():
            shutil.copytree(ROOT / name, sources / name, ignore=shutil.ignore_patterns("__pycache__", "src"))
        else:
            shutil.copy(ROOT / name, sources)
    python("-m", "pip", "wheel", "--no-deps", "--no-build-isolation", "--wheel-dir", into, sources)
    return next(into.glob("*.whl"))


@pytest.fixture(scope="module")
def installed(wheel, tmp_path_factory):
    """A folder, and variables with which Python imports the wheel of an environment in it, not the clone."""
    folder = tmp_path_factory.mktemp("installed")
    python("-m", "venv", "--without-pip", folder / "venv")
    python("-m", "pip", "--python", folder / "venv", "install", "--no-deps", "--quiet", wheel)
    packages = next((folder / "venv").rglob("site-packages"))
    return folder, {**os.environ, "PYTHONPATH": str(packages), "SSLCOURSE_THREADS": "1"}


def test_the_wheel_is_small(wheel):
    assert wheel.stat().st_size < LIMIT


def test_the_wheel_passes_its_own_check(installed):
    folder, env = installed
    place = python("-c", "import sslcourse; print(sslcourse.__file__)", cwd=folder, env=env)
    assert Path(place.strip()).is_relative_to(folder)
    python("-m", "sslcourse.check", cwd=folder, env=env)


def test_the_wheel_brings_the_lessons_and_the_first_one_runs(installed, monkeypatch):
    folder, env = installed
    python("-m", "sslcourse.lessons", cwd=folder, env=env)
    copies = sorted((folder / "my_lessons").glob("*.ipynb"))
    assert [path.name for path in copies] == sorted(path.name for path in NOTEBOOKS.glob("*.ipynb"))
    for name in ("PYTHONPATH", "SSLCOURSE_THREADS"):
        monkeypatch.setenv(name, env[name])
    executed = execute(read(copies[0], as_version=4))
    assert not [o for cell in executed.cells for o in cell.get("outputs", []) if o.output_type == "error"]
