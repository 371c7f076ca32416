"""The ways in install the same things."""

import re
import tomllib
from importlib.util import find_spec
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
COLAB = {
    pin.name: pin
    for line in (ROOT / "tests/colab.txt").read_text().splitlines()
    if not line.startswith("#")
    for pin in [Requirement(line)]
}
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
GUIDES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").glob("*.md"))]
EXTRAS = PROJECT["optional-dependencies"]
ASKED = [Requirement(line) for lines in [PROJECT["dependencies"], *EXTRAS.values()] for line in lines]


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
    assert pip[1:] == ["-r requirements.lock", "-e ."]


def test_conda_and_make_take_the_cpu_build_of_torch_from_the_same_index():
    (pip,) = [part["pip"] for part in CONDA if isinstance(part, dict)]
    index = re.search(r"^CPU_BUILDS := (\S+)$", (ROOT / "Makefile").read_text(), re.MULTILINE)[1]
    assert pip[0] == f"--extra-index-url {index}"


@pytest.mark.parametrize("asked", [a for a in ASKED if a.name in COLAB], ids=lambda asked: asked.name)
def test_the_course_allows_the_versions_of_colab(asked):
    (version,) = COLAB[asked.name].specifier
    assert asked.specifier.contains(version.version)


def test_the_oldest_torch_that_is_allowed_is_that_of_colab():
    (lower,) = [s for asked in ASKED if asked.name == "torch" for s in asked.specifier if s.operator == ">="]
    assert str(COLAB["torch"].specifier).startswith(f"=={lower.version}")


@pytest.mark.parametrize("path", [*WORKFLOWS, *GUIDES], ids=lambda path: path.name)
def test_workflows_and_guides_call_only_commands_that_exist(path):
    text, calls = path.read_text(encoding="utf-8"), r"(?:`|^)make ([a-z-]+)"
    if path in WORKFLOWS:
        calls = r"(?:make |target: )([a-z-]+)"
        assert yaml.safe_load(text)["jobs"]
    targets = re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), flags=re.MULTILINE)
    called = re.findall(calls, text, flags=re.MULTILINE)
    assert called or path not in [*WORKFLOWS, ROOT / "README.md"]
    assert set(called) <= set(targets)
    assert all(find_spec(name) for name in re.findall(r"python -m (sslcourse\.\w+)", text))


def test_conda_takes_a_python_that_the_project_allows():
    (python,) = [part for part in CONDA if isinstance(part, str) and part.startswith("python")]
    assert python.removeprefix("python=") in Requirement(f"python{PROJECT['requires-python']}").specifier
