"""The learner's own copy: nothing that they wrote is ever overwritten."""

import json
import os
import stat

import pytest

from sslcourse import lessons
from sslcourse.lessons import RECORD, bring

NAME = "09_contrast.ipynb"


@pytest.fixture
def shipped(tmp_path, monkeypatch):
    """A clone with two lessons; returns the folder that they come in."""
    (tmp_path / "pyproject.toml").touch()
    folder = tmp_path / "notebooks"
    folder.mkdir()
    for name in ("00_start.ipynb", NAME):
        (folder / name).write_text('{\n "cells": ["old"]\n}\n', newline="\n")
    monkeypatch.setattr(lessons, "ROOT", tmp_path)
    return folder


@pytest.fixture
def mine(shipped, tmp_path):
    """The learner's folder, just brought."""
    folder = tmp_path / "my_lessons"
    assert bring(folder) == []
    return folder


def texts(folder):
    return {path.name: path.read_text() for path in sorted(folder.iterdir()) if path.name != RECORD}


def publish(shipped, text):
    (shipped / NAME).write_text(text, newline="\n")


def test_the_first_time_all_lessons_are_copied(shipped, mine):
    assert texts(mine) == texts(shipped)


def test_nothing_happens_when_nothing_is_new(mine):
    (mine / NAME).write_text("my work")
    before = texts(mine)
    assert bring(mine) == []
    assert texts(mine) == before


def test_an_untouched_copy_follows_the_lesson(shipped, mine):
    publish(shipped, "new")
    (said,) = bring(mine)
    assert said.endswith(f"{NAME} was replaced by its newer version: you had not changed it.")
    assert texts(mine)[NAME] == "new"
    assert bring(mine) == []


def test_a_touched_copy_stays_and_the_newer_lesson_comes_beside_it_once(shipped, mine):
    (mine / NAME).write_text("my work")
    publish(shipped, "new")
    (said,) = bring(mine)
    assert "09_contrast.ipynb has a newer version: yours stays, " in said
    assert "09_contrast_v2.ipynb is the new one." in said
    (mine / "09_contrast_v2.ipynb").unlink()
    assert bring(mine) == []
    assert texts(mine)[NAME] == "my work"


def test_work_in_the_newer_lesson_is_kept_too(shipped, mine):
    (mine / NAME).write_text("my work")
    publish(shipped, "new")
    bring(mine)
    (mine / "09_contrast_v2.ipynb").write_text("my newer work")
    publish(shipped, "newest")
    bring(mine)
    own = {name: text for name, text in texts(mine).items() if name.startswith("09")}
    assert list(own.values()) == ["my work", "my newer work", "newest"]


@pytest.mark.parametrize("record", [None, "{}", '{"09_contrast.ipynb": "another"}', "", '{"09_c', "[]", "1"])
def test_without_a_record_a_different_copy_counts_as_touched(shipped, mine, record):
    publish(shipped, "new")
    (mine / RECORD).unlink()
    if record is not None:
        (mine / RECORD).write_text(record)
    bring(mine)
    assert texts(mine)[NAME] == '{\n "cells": ["old"]\n}\n'
    assert texts(mine)["09_contrast_v2.ipynb"] == "new"


def test_a_deleted_copy_comes_back_fresh_and_a_renamed_one_stays(shipped, mine):
    (mine / NAME).write_text("my work")
    (mine / NAME).rename(mine / "exam.ipynb")
    assert bring(mine) == []
    assert texts(mine)["exam.ipynb"] == "my work"
    assert texts(mine)[NAME] == texts(shipped)[NAME]


def test_line_ends_of_windows_are_no_change(shipped, mine):
    old = (mine / NAME).read_bytes()
    (mine / NAME).write_bytes(old.replace(b"\n", b"\r\n"))
    assert bring(mine) == []
    (shipped / NAME).write_bytes(b'{\r\n "cells": ["new"]\r\n}\r\n')
    (said,) = bring(mine)
    assert "you had not changed it" in said


def test_what_was_copied_may_be_changed_even_if_the_lesson_may_not(shipped, tmp_path):
    (shipped / NAME).chmod(stat.S_IREAD)
    bring(tmp_path / "my")
    assert (tmp_path / "my" / NAME).stat().st_mode & stat.S_IWRITE


def test_a_copy_that_broke_off_leaves_no_half_lesson(shipped, tmp_path, monkeypatch):
    def full(*_):
        raise OSError("disk is full")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk is full"):
        bring(tmp_path / "my")
    assert not list((tmp_path / "my").glob("*.ipynb"))


def test_a_record_that_broke_off_leaves_the_old_one(shipped, mine, monkeypatch):
    before = (mine / RECORD).read_text()
    (mine / NAME).write_text("my work")
    publish(shipped, "new")
    replace = os.replace

    def full(part, to):
        if to.name == RECORD:
            raise OSError("disk is full")
        replace(part, to)

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(OSError, match="disk is full"):
        bring(mine)
    assert (mine / RECORD).read_text() == before


def test_a_folder_with_the_name_of_a_lesson_holds_up_no_other(shipped, tmp_path):
    (tmp_path / "my" / "00_start.ipynb").mkdir(parents=True)
    (said,) = bring(tmp_path / "my")
    assert said.endswith("00_start.ipynb is a folder, so the lesson of that name was not copied.")
    assert (tmp_path / "my" / NAME).is_file()


def test_a_folder_that_may_not_be_written_to_is_told_with_a_way_out(shipped, tmp_path, capsys):
    (tmp_path / "file").touch()
    with pytest.raises(SystemExit):
        lessons.main(["--folder", str(tmp_path / "file")])
    said = capsys.readouterr().err
    assert "Choose a folder that you may write to" in said
    assert "-m sslcourse.lessons --folder FOLDER" in said


def test_an_unchanged_folder_may_be_read_only(mine, monkeypatch):
    monkeypatch.setattr("pathlib.Path.write_text", None)
    monkeypatch.setattr("pathlib.Path.write_bytes", None)
    assert bring(mine) == []


@pytest.mark.parametrize("number", ["09", "9"])
def test_make_lab_opens_the_own_copy_of_a_lesson(mine, monkeypatch, number, capsys):
    opened = []
    monkeypatch.setattr(lessons, "open_in_lab", lambda *given: opened.append(given))
    lessons.main(["--folder", str(mine), "--open", number, "--no-browser"])
    assert opened == [(mine, NAME, ["--no-browser"])]
    assert f"Your lessons are in {mine}." in capsys.readouterr().out


def test_a_lesson_that_does_not_exist_is_told_before_anything_is_copied(shipped, tmp_path, capsys):
    with pytest.raises(SystemExit):
        lessons.main(["--folder", str(tmp_path / "my"), "--open", "42"])
    assert "there is no lesson 42; choose one of 00, 09" in capsys.readouterr().err
    assert not (tmp_path / "my").exists()


def test_without_a_clone_the_lessons_are_where_the_wheel_put_them(shipped, tmp_path, monkeypatch):
    class File:
        def __init__(self, path):
            self.suffix, self.locate = path.suffix, lambda: path

    files = [File(shipped / NAME), File(shipped / "00_start.ipynb"), File(shipped / "record.csv")]
    monkeypatch.setattr(lessons, "ROOT", tmp_path / "nowhere")
    monkeypatch.setattr(lessons.metadata, "files", {"sslcourse": files}.get)
    assert [path.name for path in lessons.shipped()] == ["00_start.ipynb", NAME]


def test_the_record_is_plain_to_read(mine):
    assert list(json.loads((mine / RECORD).read_text())) == ["00_start.ipynb", NAME]
