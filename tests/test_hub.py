"""The files with which a JupyterHub serves the course, as far as they can run without one."""

import os
import re
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml

from sslcourse import lessons
from sslcourse.lessons import FOLDER, RECORD, shipped

ROOT = Path(__file__).resolve().parents[1]
HUB = ROOT / "docs" / "hub"


@pytest.fixture
def serve(tmp_path, monkeypatch):
    """Start a learner's server, as far as its configuration goes; returns the configuration."""
    monkeypatch.chdir(tmp_path)
    for name in ("SSLCOURSE_THREADS", "OMP_NUM_THREADS"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)

    def start():
        config = SimpleNamespace(MappingKernelManager=SimpleNamespace())
        code = (HUB / "jupyter_server_config.py").read_text(encoding="utf-8")
        exec(code, {"get_config": lambda: config})
        return config

    return start


def test_a_server_brings_the_lessons_once_and_gives_kernels_one_thread(serve):
    assert serve().MappingKernelManager.cull_connected
    assert os.environ["SSLCOURSE_THREADS"] == os.environ["OMP_NUM_THREADS"] == "1"
    mine = FOLDER / shipped()[0].name
    mine.write_text("my work")
    serve()
    assert mine.read_text() == "my work"
    assert {path.name for path in FOLDER.glob("*.ipynb")} == {path.name for path in shipped()}


def test_a_server_starts_although_the_lessons_cannot_be_copied(serve, capsys):
    FOLDER.write_text("a file where the folder should be")
    serve()
    assert "The lessons were not copied" in capsys.readouterr().out


def test_a_server_starts_although_the_record_is_damaged(serve):
    FOLDER.mkdir()
    (FOLDER / RECORD).write_text('{"00_')
    serve()
    assert (FOLDER / shipped()[0].name).exists()


def test_a_server_starts_whatever_happens_to_the_lessons(serve, monkeypatch, capsys):
    monkeypatch.setattr(lessons, "bring", lambda _: 1 / 0)
    serve()
    assert "The lessons were not copied: division by zero" in capsys.readouterr().out


def test_what_learners_should_find_out_is_not_in_the_image_of_a_hub():
    (removed,) = re.findall("^RUN rm -r (.*)", (HUB / "Dockerfile").read_text(), re.MULTILINE)
    assert removed.split() == ["docs/answer_key.md", "tests/answers"]
    assert all((ROOT / path).exists() for path in removed.split())


def test_data_and_checkpoints_do_not_go_into_the_image():
    assert {"datasets", "runs"} < set((ROOT / ".dockerignore").read_text().split())


def test_the_chart_for_a_cluster_has_a_version():
    assert "helm upgrade --install class jupyterhub/jupyterhub --version " in (
        ROOT / "docs/hub.md"
    ).read_text("utf-8")


def test_both_hubs_limit_memory_to_two_gigabytes():
    (tljh, cluster) = (
        yaml.safe_load((HUB / name).read_text()) for name in ("tljh.yaml", "zero_to_jupyterhub.yaml")
    )
    assert tljh["limits"]["memory"] == cluster["singleuser"]["memory"]["limit"] == "2G"
