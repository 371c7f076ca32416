"""The ways in install the same things."""

import re
import tomllib
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
CONDA = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
LOCK = {
    pin.name: pin
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if line and not line.startswith("#")
    for pin in [Requirement(line)]
    if pin.marker is None or pin.marker.evaluate({"extra": ""})
}
ASKED = [Requirement(line) for line in PROJECT["dependencies"] + PROJECT["optional-dependencies"]["dev"]]


@pytest.mark.parametrize("asked", ASKED, ids=lambda asked: asked.name)
def test_the_lock_pins_what_the_project_asks_for(asked):
    (pin,) = LOCK[asked.name].specifier
    assert pin.operator == "=="
    assert pin.version in asked.specifier


def test_every_line_of_the_lock_is_an_exact_pin():
    assert all(re.fullmatch(r"==[^,*]+", str(pin.specifier)) for pin in LOCK.values())


def test_the_lock_asks_for_no_cuda_package():
    assert not [name for name in LOCK if name.startswith(("nvidia", "cuda", "triton"))]


def test_conda_installs_the_same_lock_and_the_package():
    (pip,) = [part["pip"] for part in CONDA if isinstance(part, dict)]
    assert pip == ["-r requirements.lock", "-e ."]


def test_conda_takes_a_python_that_the_project_allows():
    (python,) = [part for part in CONDA if isinstance(part, str) and part.startswith("python")]
    assert python.removeprefix("python=") in Requirement(f"python{PROJECT['requires-python']}").specifier


def test_the_readme_names_only_commands_that_exist():
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    named = re.findall(r"`make ([a-z-]+)", (ROOT / "README.md").read_text())
    assert named
    assert set(named) <= set(targets)
