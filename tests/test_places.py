"""The course where people keep it: Windows clones, ZIP copies, odd paths, read-only folders, no home."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from sslcourse import remedies
from sslcourse.data import embedded
from sslcourse.widgets.lesson import threads

ROOT = Path(__file__).resolve().parents[1]
ODD = "a course with spaces, ä and 学"
SPLIT = "sslcourse/data/lesson_text"
CHECK = "import sys; from sslcourse import check; sys.exit(check.main())"
LOAD = """
from sslcourse import check, weights
from sslcourse.data import images, prose, sweep
from sslcourse.plots import subplots
import sys
assert len(images().labels) == 12_000 and prose("train") and sweep("simclr_head")
assert weights.load("simclr") and weights.card("simclr")
sys.exit(check.main())
"""
READ_ONLY = """
import errno, os, sys, tempfile
def refuse(event, arguments):
    writes = event in ("os.mkdir", "os.rename", "os.remove") or (
        event == "open" and arguments[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT))
    if writes and not str(arguments[0]).startswith((os.environ["TMPDIR"], os.devnull)):
        raise OSError(errno.EROFS, "Read-only file system", arguments[0])
sys.addaudithook(refuse)
"""


@pytest.fixture
def elsewhere(tmp_path):
    """An empty folder to work in, which is not that of the course."""
    folder = tmp_path / "else where"
    folder.mkdir()
    return folder


def copy_course(folder):
    """What is versioned and concerns a learner: the package, the notebooks, and how git treats them."""
    for name in ("sslcourse", "notebooks"):
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__", ".*"))
    for name in (".gitattributes", "Makefile", "pyproject.toml"):
        shutil.copy(ROOT / name, folder / name)
    return folder


def git(*words, config=()):
    """Run git with its own settings only, and as nobody in particular."""
    settings = ["user.name=nobody", "user.email=nobody@example.org", *config]
    command = ["git", *[word for setting in settings for word in ("-c", setting)], *map(str, words)]
    subprocess.run(command, check=True, capture_output=True)


def commit(folder):
    git("init", "--quiet", folder)
    git("-C", folder, "add", "--all")
    git("-C", folder, "commit", "--quiet", "--message", "course")


def windows_clone(repository, folder):
    """A clone as Git for Windows makes it."""
    git("clone", "--quiet", "-c", "core.autocrlf=true", repository, folder)
    return folder


def run(code, root, cwd, **environment):
    """Run code with the course at root, in another folder; a variable that is None is not set."""
    paths = os.pathsep.join([environment.pop("first", ""), str(root)]).strip(os.pathsep)
    variables = os.environ | {"PYTHONPATH": paths, "PYTHONUTF8": "1"} | environment
    return subprocess.run(
        [sys.executable, "-c", code],
        cwd=cwd,
        env={name: value for name, value in variables.items() if value is not None},
        capture_output=True,
        encoding="utf-8",
    )


def printed_remedies(output):
    """What `python -m sslcourse.check` says to type: the text after "fix it with:" and what stands below."""
    found = re.findall(r"fix it with:  (.+(?:\n {20}.+)*)", output)
    return [line.strip() for block in found for line in block.splitlines()]


# Clones


def test_a_windows_clone_has_the_bytes_of_the_repository(tmp_path):
    course = copy_course(tmp_path)
    commit(course)
    clone = windows_clone(course, tmp_path / "clone")
    files = [path.relative_to(clone) for path in clone.rglob("*") if path.is_file()]
    files = [path for path in files if path.parts[0] != ".git"]
    assert len(files) > 100
    assert [f for f in files if (clone / f).read_bytes() != (course / f).read_bytes()] == []


def test_a_windows_clone_loads_everything(tmp_path, elsewhere):
    course = tmp_path / "course"
    course.mkdir()
    commit(copy_course(course))
    done = run(LOAD, windows_clone(course, tmp_path / ODD), elsewhere)
    assert done.returncode == 0, done.stdout + done.stderr


def git_remedies(course, elsewhere):
    """The printed commands that concern the clone: others would change the packages that run this test."""
    printed = printed_remedies(run(CHECK, course, elsewhere).stdout)
    return [command for command in printed if command.startswith("git ")]


def test_an_older_windows_clone_is_mended_by_what_is_printed_typed_in_another_folder(tmp_path, elsewhere):
    course = tmp_path / "course"
    course.mkdir()
    copy_course(course)
    attributes = (course / ".gitattributes").read_bytes()
    (course / ".gitattributes").unlink()  # as it was
    commit(course)
    clone = windows_clone(course, tmp_path / ODD)
    (course / ".gitattributes").write_bytes(attributes)
    commit(course)
    git("-C", clone, "pull", "--quiet")
    changed = clone / "sslcourse/data/prose.py"
    mine = changed.read_bytes() + b"MINE = 1\n"
    changed.write_bytes(mine)
    commands = git_remedies(clone, elsewhere)
    assert commands
    for command in commands:
        subprocess.run(command, shell=True, cwd=elsewhere, check=True, capture_output=True)
    assert git_remedies(clone, elsewhere) == []
    assert changed.read_bytes() == mine


# Copies without git


def test_a_copy_without_git_is_mended_without_git(tmp_path, elsewhere):
    course = tmp_path / ODD
    course.mkdir()
    copy_course(course)
    (course / SPLIT / "train.txt").unlink()
    (remedy,) = printed_remedies(run(CHECK, course, elsewhere).stdout)
    assert remedy == f"download or install the course again, it brings {course / SPLIT}"


@pytest.mark.parametrize("home", [None, "/nonexistent"])
def test_a_read_only_copy_is_sound_without_a_home(tmp_path, elsewhere, home):
    course, hook, scratch = tmp_path / ODD, tmp_path / "hook", tmp_path / "scratch"
    for folder in (course, hook, scratch):
        folder.mkdir()
    copy_course(course)
    (hook / "sitecustomize.py").write_text(READ_ONLY)
    places = {"HOME": home, "USERPROFILE": home, "TMPDIR": str(scratch)}
    done = run(LOAD, course, elsewhere, first=str(hook), **places)
    assert done.returncode == 0, done.stdout + done.stderr
    assert list(course.rglob("__pycache__")) == []


# Commands as they are typed


def test_a_command_means_to_the_shell_what_was_meant(monkeypatch):
    monkeypatch.setattr(remedies, "WINDOWS", False)
    words = ["/opt/my pythön/bin/python", "-m", "pip", "install", "torch<3,>=2.11", "it's"]
    assert shlex.split(remedies.typed(*words)) == words


def test_a_command_runs_as_it_is_printed():
    command = remedies.typed(sys.executable, "-c", "print('a  b', 2 > 1)")
    done = subprocess.run(command.partition("  (in")[0], shell=True, capture_output=True, text=True)
    assert done.stdout.strip() == "a  b True"


@pytest.mark.parametrize(
    ("words", "command"),
    [
        (["C:\\py\\python.exe", "-m", "pip"], "C:\\py\\python.exe -m pip"),
        (["py", "torch<3,>=2.11", "numpy==2"], 'py "torch<3,>=2.11" numpy==2'),
        (["C:\\My Files\\py.exe", "-V"], '"C:\\My Files\\py.exe" -V  (in PowerShell type & before it)'),
        (["git", "-C", "C:\\Jürgen", "status"], 'git -C "C:\\Jürgen" status'),
    ],
)
def test_on_windows_quotes_are_those_of_its_shells(monkeypatch, words, command):
    monkeypatch.setattr(remedies, "WINDOWS", True)
    assert remedies.typed(*words) == command


def test_without_git_on_the_path_no_git_command_is_printed(monkeypatch):
    monkeypatch.setattr(shutil, "which", lambda name: None)
    assert remedies.restore("weights").startswith("download or install the course again")


def test_an_error_about_a_file_says_what_restores_its_folder(tmp_path):
    (tmp_path / embedded.SUMS).write_text("")
    (tmp_path / "text").write_text("changed")
    with pytest.raises(ValueError, match="text is damaged") as caught:
        embedded.verified(tmp_path / "text")
    assert str(caught.value).endswith(remedies.restore(tmp_path.name))


# Threads


@pytest.mark.parametrize(("setting", "expected"), [("", 2), (" ", 2), ("1", 1), (" 3 ", 3), (None, 2)])
def test_threads_are_two_or_what_the_environment_says(monkeypatch, setting, expected):
    monkeypatch.delenv("SSLCOURSE_THREADS", raising=False)
    if setting is not None:
        monkeypatch.setenv("SSLCOURSE_THREADS", setting)
    assert threads() == expected


@pytest.mark.parametrize("setting", ["two", "0", "-1", "1.5", "²"])
def test_what_is_no_number_of_threads_is_refused_by_name(monkeypatch, setting):
    monkeypatch.setenv("SSLCOURSE_THREADS", setting)
    with pytest.raises(ValueError, match=f"SSLCOURSE_THREADS must be a whole number from 1.*'{setting}'"):
        threads()
