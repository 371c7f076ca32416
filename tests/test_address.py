"""The address of the repository, which only those who publish the course know."""

import os
import shutil
import subprocess
import sys

import address
import pytest
import yaml

HERE = "https://github.com/some/course"


@pytest.mark.parametrize("given", [HERE, f"{HERE}/", f"{HERE}.git"])
def test_badges_open_the_first_lesson(given):
    colab, binder = address.badges(given).splitlines()
    assert "(https://colab.research.google.com/github/some/course/blob/main/notebooks/00_start" in colab
    assert "(https://mybinder.org/v2/gh/some/course/main?labpath=notebooks/00_start_here.ipynb)" in binder
    assert (address.ROOT / address.FIRST).exists()


@pytest.mark.parametrize(
    "given", ["", "some/course", "https://github.com/some", "https://localhost/some/course"]
)
def test_what_is_no_address_is_refused(given):
    with pytest.raises(ValueError, match="must be like https"):
        address.badges(given)


def test_readme_and_citation_get_it_once_however_often(tmp_path, monkeypatch):
    for name in ("README.md", "CITATION.cff"):
        (tmp_path / name).write_bytes((address.ROOT / name).read_bytes())
    monkeypatch.setattr(address, "ROOT", tmp_path)
    address.main("https://github.com/other/place")
    address.main(HERE)
    assert (tmp_path / "README.md").read_text(encoding="utf-8").count("mybinder.org/v2") == 1
    assert yaml.safe_load((tmp_path / "CITATION.cff").read_text())["repository-code"] == HERE


if sys.platform != "win32":  # the workflow runs on Linux

    def test_the_workflow_pushes_badges_once(tmp_path):
        known = os.environ | {"GITHUB_SERVER_URL": "https://github.com", "GITHUB_REPOSITORY": "some/course"}
        known |= {"GIT_CONFIG_GLOBAL": os.devnull}

        def git(*arguments: str) -> str:
            return subprocess.check_output(["git", *arguments], cwd=tmp_path, env=known, text=True)

        here = tmp_path / "here"
        shutil.copytree(address.ROOT / "tools", here / "tools")
        for name in ("Makefile", "README.md", "CITATION.cff"):
            shutil.copy(address.ROOT / name, here)
        git("init", "--bare", "--initial-branch=main", "published")
        git("init", "--initial-branch=main", "here")
        git("-C", "here", "remote", "add", "origin", "../published")
        git("-C", "here", "add", ".")
        git("-C", "here", "-c", "user.name=A", "-c", "user.email=a@b", "commit", "--message", "The course")
        git("-C", "here", "push", "--set-upstream", "origin", "main")
        workflow = yaml.safe_load((address.ROOT / ".github/workflows/address.yml").read_text())
        for _push in range(2):
            for step in workflow["jobs"]["address"]["steps"]:
                subprocess.run(["bash", "-e", "-c", step.get("run", "")], cwd=here, env=known, check=True)
        assert len(git("-C", "published", "log", "--format=%h").split()) == 2
        assert git("-C", "published", "show", "main:README.md").count("mybinder.org/v2/gh/some/course") == 1
