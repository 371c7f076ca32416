"""Marks are the verdicts of `check`, and what is wrong with one notebook costs one row."""

import csv
import inspect
import json
import sys
from pathlib import Path

import psutil
import pytest
from test_answers import MODULES, RIGHT, WRONG

from sslcourse import mark
from sslcourse.exercises import all_exercises, find
from sslcourse.handed_in import cells_of, exercises_of, verdict_on
from sslcourse.mark import learner
from sslcourse.mark.process import FORK, mark_one

IMPORTS = "import torch\nfrom torch.nn import functional as F\nimport not_installed\nstart_lesson()"
STUB = find("10.queue").stub
CHECK = find("10.queue").check_cell()
RIGHT_ANSWER = """
def my_enqueue(queue, keys):
    return torch.cat([F.normalize(keys, dim=1), queue])[: len(queue)]
"""
SIZED_ANSWER = RIGHT_ANSWER.replace("len(queue)", "size")
HELPED_ANSWER = RIGHT_ANSWER.replace("F.normalize(keys, dim=1)", "unit(keys)")
HELPER = "def unit(v):\n    return F.normalize(v, dim=1)"
WRONG_ANSWER = RIGHT_ANSWER.replace("F.normalize(keys, dim=1)", "keys")
TOO_LONG = "Wrong: the new keys have entered with the length they came with; bring them to length 1."


def queue_verdict(*cells):
    return verdict_on([IMPORTS, *cells], find("10.queue"))


# ---- which answer is meant


@pytest.mark.parametrize(
    "cells",
    [
        [RIGHT_ANSWER, CHECK],
        [STUB, CHECK, RIGHT_ANSWER],
        [RIGHT_ANSWER],
        [WRONG_ANSWER, CHECK, RIGHT_ANSWER, CHECK],
        [WRONG_ANSWER, RIGHT_ANSWER.replace("my_", "better_"), 'check("10.queue", better_enqueue)'],
        [RIGHT_ANSWER + "print(my_enqueue(queue, keys).shape)\nqueue = my_enqueue(queue, keys)", CHECK],
        [HELPER, HELPED_ANSWER, CHECK],
        [HELPER, HELPED_ANSWER, CHECK, "def unit(v):\n    return 0 * v"],
        [RIGHT_ANSWER.replace("dim=1", "dim=DIM"), "DIM = 1", CHECK],
        [RIGHT_ANSWER.replace("dim=1", "dim=DIM"), "DIM = 1", CHECK, "DIM = 0"],
        ["my_enqueue = lambda queue, keys: torch.cat([F.normalize(keys), queue])[:len(queue)]", CHECK],
        [RIGHT_ANSWER, "my_enqueue = torch.no_grad()(my_enqueue)", CHECK],
        ["@torch.no_grad()" + RIGHT_ANSWER, CHECK],
        [RIGHT_ANSWER.replace("def my_enqueue(", "class Q:\n  def __call__(self, "), "my_enqueue = Q()"],
        [RIGHT_ANSWER + "my_enqueue = my_enqueue.missing", CHECK],
        ["%matplotlib inline\n!pip install torch\n" + RIGHT_ANSWER, CHECK],
        ["%%time" + RIGHT_ANSWER, CHECK],
        [RIGHT_ANSWER + "my_enqueue?\nfiles = !ls\nspeed = %time 1\n", CHECK],
        [RIGHT_ANSWER.replace("\n", "\n    "), CHECK],
        ["from math import *\nfrom nowhere import *", RIGHT_ANSWER.replace("dim=1", "dim=ceil(0.5)")],
        ["def broken(:\n    pass", RIGHT_ANSWER, CHECK],
        ["history = await run", RIGHT_ANSWER, CHECK],
        [HELPED_ANSWER, "if True:\n    def unit(v): return F.normalize(v)", CHECK],
        [RIGHT_ANSWER.replace("    return", "    import torch\n    print(1)\n    return"), CHECK],
        [RIGHT_ANSWER.replace("    return", "    display(keys)\n    !ls\n    return"), CHECK],
        [WRONG_ANSWER, RIGHT_ANSWER.replace("my_", "better_"), 'check("10.queue", answer=better_enqueue)'],
        ["SET = {}\nSET['dim'] = 0\nSET['dim'] += 1", RIGHT_ANSWER.replace("dim=1", "dim=SET['dim']"), CHECK],
        ["class A: pass\nA.go = lambda self: 1", RIGHT_ANSWER.replace("dim=1", "dim=A().go()"), CHECK],
        ["total = " + "1 + " * 600 + "1", RIGHT_ANSWER.replace("dim=1", "dim=total // total"), CHECK],
        ["text = 'x'" + ".strip()" * 600, RIGHT_ANSWER, CHECK],
        ["sign = " + "-" * 3000 + "1", RIGHT_ANSWER, CHECK],
    ],
)  # fmt: skip
def test_a_right_answer_is_found_however_it_is_written(cells):
    assert queue_verdict(*cells) == "Right."


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        ([STUB, CHECK], "Not attempted yet."),
        ([CHECK], "Missing: no cell defines my_enqueue."),
        ([RIGHT_ANSWER, CHECK, WRONG_ANSWER, CHECK], TOO_LONG),
        ([RIGHT_ANSWER + "  return", CHECK], "Your code raised IndentationError"),
        ([RIGHT_ANSWER.replace(":\n", "\n"), CHECK], "Your code raised SyntaxError"),
        ([RIGHT_ANSWER.replace("F.", "not_installed."), CHECK], "Your code raised ModuleNotFoundError"),
        ([SIZED_ANSWER, CHECK], "Your code raised NameError: name 'size'"),
        ([SIZED_ANSWER, "size = await run", CHECK], "Look by hand: size comes from"),
        ([SIZED_ANSWER, "for size in range(9): pass", CHECK], "Look by hand: size"),
        ([SIZED_ANSWER, "size = !ls", CHECK], "Look by hand: size"),
        ([SIZED_ANSWER.replace("size", "n"), "size = await run\nn = size // 2", CHECK], "Look by hand: size"),
        ([SIZED_ANSWER, "size = 1 / 0", CHECK], "Your code raised ZeroDivisionError"),
        ([SIZED_ANSWER, "def start():\n    global size\n    size = 3\nstart()", CHECK], "Look by hand: size"),
        ([SIZED_ANSWER.replace("size", "S['n']"), "S = {}\nS.update(n=3)", CHECK], "Look by hand: S"),
        ([SIZED_ANSWER.replace("size", "S[0]"), "S = [0]\nS.insert(0, 3)", CHECK], "Look by hand: S"),
        (["torch.manual_seed(0)", WRONG_ANSWER, CHECK], TOO_LONG),
        ([RIGHT_ANSWER, CHECK.replace("e)", "e(1, 2))")], "Your code raised AttributeError"),
        ([RIGHT_ANSWER, 'check("10.queue", 1)'], "Wrong: give your function itself"),
    ],
)  # fmt: skip
def test_other_answers_are_told_apart(cells, said):
    assert queue_verdict(*cells).startswith(said)


def test_a_notebook_of_comments_lacks_its_answers():
    assert verdict_on(["# mine", ""], find("10.queue")) == "Missing: no cell defines my_enqueue."


def test_an_error_shows_the_line_in_the_cell():
    said = queue_verdict("# mine" + WRONG_ANSWER.replace("queue])", "queue]).missing"), CHECK)
    assert "in line 3: return torch.cat([keys, queue]).missing[: len(queue)]" in said


@pytest.mark.parametrize("name", all_exercises())
def test_the_verdicts_are_those_of_check(name):
    """Answers in many styles, with the helpers and the imports of their file, are judged alike."""
    (module,) = [module for module in MODULES if name in module.RIGHT]
    source = inspect.getsource(module).partition("\nRIGHT = ")[0]
    for answer in (RIGHT[name][0], RIGHT[name][-1], WRONG[name][0], WRONG[name][-1]):
        if getattr(answer, "__name__", "") in vars(module):
            said = verdict_on([source, f'check("{name}", {answer.__name__})'], find(name))
            assert said.splitlines()[0] == find(name).verdict(answer).splitlines()[0]


# ---- files in any state


def notebook(*sources):
    cells = [{"cell_type": "code", "source": source.splitlines(True), "outputs": []} for source in sources]
    return json.dumps({"cells": [{"cell_type": "markdown", "source": "é"}, *cells]}, ensure_ascii=False)


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_a_notebook_in_any_encoding_is_read(tmp_path, encoding):
    path = tmp_path / "x.ipynb"
    path.write_bytes(notebook("x = 'é'", "\r\n".join(["y", "z"])).encode(encoding))
    assert cells_of(path)[0] == "x = 'é'"


@pytest.mark.parametrize(
    ("cells", "lesson"),
    [
        ([CHECK], "10."),
        ([STUB], "10."),
        ([CHECK, 'check("09.push", f)', STUB], "10."),
        ([], None),
        (["import torch"], None),
    ],
)
def test_the_lesson_of_a_notebook_is_seen_from_its_exercises(cells, lesson):
    names = exercises_of(cells)
    assert names == [name for name in all_exercises() if lesson and name.startswith(lesson)]


def test_where_lessons_share_the_name_of_an_answer_the_title_decides():
    assert (
        exercises_of(["def my_order(): pass"], ["Notes", "# 08 Masked language model\n\nYou"])[0][:3] == "08."
    )
    assert exercises_of([], ["# 08 Masked language model"]) == []


ADA = {"Student": "Ada Lovelace", "Identifier": "Participant 17"}


@pytest.mark.parametrize(
    ("path", "known"),
    [
        ("in/Ada Lovelace_17_assignsubmission_file/09.ipynb", ADA),
        ("in/Ada Lovelace_17_assignsubmission_file_09.ipynb", ADA),
        ("in/lovelaceada_17_99_09.ipynb", {"Student": "lovelaceada", "ID": "17"}),
        ("in/lovelaceada_LATE_17_99_09_my_file-1.ipynb", {"Student": "lovelaceada", "ID": "17"}),
        ("in/ada/09.ipynb", {"Student": "ada"}),
        ("in/bob.ipynb", {"Student": "bob"}),
    ],
)  # fmt: skip
def test_learners_are_known_by_the_names_that_moodle_and_canvas_give_to_files(path, known, tmp_path):
    others = [tmp_path / p for p in ("in/ada/09.ipynb", "in/eve/09.ipynb", "in/bob.ipynb")]
    assert learner(tmp_path / path, others, canvas=True) == known


@pytest.mark.parametrize("name", ["ada_2026_11_28.ipynb", "hw_1_2_ada.ipynb"])
def test_without_the_option_for_canvas_no_number_is_taken_for_an_id(name):
    assert learner(Path(name), []) == {"Student": name.removesuffix(".ipynb")}


@pytest.mark.parametrize(
    "names",
    [
        {"submitted/ada/lesson_00/00.ipynb": "ada", "submitted/bob/lesson_00/00.ipynb": "bob"},
        {"ada/1.ipynb": "ada/1", "ada/2.ipynb": "ada/2", "bob/1.ipynb": "bob"},
        {"1/ada.ipynb": "1/ada", "1/bob.ipynb": "1/bob", "2/ada.ipynb": "2/ada", "2/bob.ipynb": "2/bob"},
        {"in/ada.ipynb": "ada"},
    ],
)
def test_a_student_is_the_part_of_the_path_that_tells_it_from_the_others(names):
    paths = [Path(name) for name in names]
    assert [learner(path, paths) for path in paths] == [{"Student": name} for name in names.values()]


def test_files_are_found_once_and_what_is_left_out_is_told(tmp_path, monkeypatch, capsys):
    folder = tmp_path / "Eve_17_assignsubmission_file" / "in"
    (folder / "ada").mkdir(parents=True)
    for name in ("ada/x.ipynb", "UPPER.IPYNB", "renamed.json"):
        (folder / name).touch()
    (folder / "again.ipynb").symlink_to(folder / "UPPER.IPYNB")
    (folder / "lost.ipynb").symlink_to(folder / "nowhere")
    monkeypatch.chdir(folder)
    found = mark.notebooks([Path("ada/x.ipynb"), folder])
    assert {path.as_posix() for path in found.values()} == {"ada/x.ipynb", "UPPER.IPYNB", "lost.ipynb"}
    assert capsys.readouterr().err == f"left out: {folder / 'renamed.json'}\n"
    assert mark.mark(folder / "lost.ipynb").trouble.startswith(
        "cannot be read as a notebook: FileNotFoundError"
    )


def test_a_full_disk_is_no_fault_of_the_notebook(tmp_path, monkeypatch):
    def full(*_):
        raise OSError("no space left")

    (tmp_path / "x.ipynb").write_text(notebook(CHECK))
    monkeypatch.setattr(mark, "mark_one", full)
    assert mark.mark(tmp_path / "x.ipynb").trouble == "cannot be marked: OSError('no space left')"


# ---- a class

LINE = """
def my_line(x, slope, intercept):
    {}
    return slope * x + intercept
check("00.line", my_line)
"""
CLASS = {
    "right": notebook(LINE.format("print('hello'); x = x")),
    "stub": notebook(find("00.line").stub, find("00.line").check_cell()),
    "large": notebook(LINE.format("open('x', 'wb').truncate(2**30)")),
    "loop": notebook(LINE.format("while True: pass")),
    "sleep": notebook(LINE.format("import time; time.sleep(99)")),
    "loop_outside": notebook("while True: pass", LINE.format("pass")),
    "leaves": notebook(LINE.format("import os; os._exit(3)")),
    "asks": notebook(LINE.format("input('?')")),
    "hungry": notebook("import torch", LINE.format("torch.zeros(2**31)")),
    "online": notebook("import urllib.request", LINE.format("urllib.request.urlopen('http://localhost')")),
    "raises": notebook(LINE.format("raise ValueError('=1+1,\\n\"')")),
    "wordy": notebook(LINE.format("raise ValueError('no ' * 10**6)")),
    "leaves_a_child": notebook(LINE.format("import subprocess; subprocess.Popen(['sleep', '4711'])")),
    "damaged": notebook(LINE.format("pass"))[:-40],
    "empty": "",
    "other": notebook("print('shopping list')"),
    "nested": "[" * 100_000,
    "old": json.dumps({"worksheets": []}),
    "Ada Lovelace_17_assignsubmission_file_x": notebook(LINE.format("pass")),
    "lovelaceada_17_99_x": notebook(LINE.format("pass")),
    "one_of_several": notebook("import torch\nfrom torch.nn import functional as F", RIGHT_ANSWER, CHECK),
}  # fmt: skip


LINUX = sys.platform == "linux"  # elsewhere memory has no limit
SECONDS = "10" if FORK == "forkserver" else "60"  # a process that is spawned first imports torch


@pytest.fixture(scope="module")
def marked(tmp_path_factory):
    """The table and what was told on the way, of a class with every kind of trouble."""
    folder = tmp_path_factory.mktemp("handed_in")
    for name, content in CLASS.items():
        (folder / f"{name}.ipynb").write_text(content, encoding="utf-8")
    (folder / "windows.ipynb.txt").write_bytes(notebook("# é", LINE.format("pass")).encode("cp1252"))
    (folder / ".ipynb_checkpoints").mkdir()
    (folder / ".ipynb_checkpoints" / "right-checkpoint.ipynb").write_text(CLASS["right"])
    table = folder / "marks.csv"
    mark.main(
        [
            str(folder),
            "--output",
            str(table),
            "--canvas",
            "--seconds",
            SECONDS,
            "--gigabytes",
            "4",
            "--jobs",
            "4",
        ]
    )
    with table.open(encoding="utf-8", newline="") as file:
        return {row["Student"]: row for row in csv.DictReader(file)}


def test_each_notebook_has_a_row(marked):
    names = [name.partition("_17_")[0] for name in CLASS]
    assert list(marked) == sorted([*names, "windows.ipynb"])


@pytest.mark.parametrize(
    ("student", "grade", "said"),
    [
        ("right", "1", "1 of 3 right. 00.line: Right."),
        ("stub", "0", "0 of 3 right. 00.line: Not attempted yet."),
        ("loop", "0", "0 of 3 right. 00.line: Stopped: still running after "),
        ("sleep", "0", "0 of 3 right. 00.line: Stopped: still running after "),
        ("loop_outside", "1", "1 of 3 right."),
        ("leaves", "0", "0 of 3 right. 00.line: Stopped: its process ended before the verdict, code 3."),
        ("asks", "0", "0 of 3 right. 00.line: Your code raised EOFError"),
        *([("hungry", "0", "0 of 3 right. 00.line: Your code raised RuntimeError")] if LINUX else []),
        *([("large", "0", "0 of 3 right. 00.line: Your code raised OSError: [Errno 27]")] if LINUX else []),
        ("online", "0", "0 of 3 right. 00.line: Your code raised URLError: <urlopen error answers"),
        ("raises", "0", "0 of 3 right. 00.line: Your code raised ValueError: =1+1,"),
        ("wordy", "0", "0 of 3 right. 00.line: Your code raised ValueError: no no"),
        ("damaged", "", "cannot be read as a notebook: JSONDecodeError"),
        ("empty", "", "cannot be read as a notebook: JSONDecodeError"),
        ("nested", "", "cannot be read as a notebook"),
        ("old", "", "cannot be read as a notebook: KeyError"),
        ("other", "", "holds no exercise of this course."),
        ("windows.ipynb", "1", "1 of 3 right."),
        ("Ada Lovelace", "1", "1 of 3 right."),
        ("one_of_several", "1", "1 of 7 right. 10.loss: Missing: no cell defines my_info_nce_loss. "),
    ],
)  # fmt: skip
def test_trouble_costs_one_row(marked, student, grade, said):
    assert marked[student]["Grade"] == grade
    assert marked[student]["Feedback comments"].startswith(said)


if sys.platform != "win32":  # which has no process groups

    def test_nothing_that_an_answer_started_goes_on(marked):
        assert marked["leaves_a_child"]["Grade"] == "1"
        left = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
        assert ["sleep", "4711"] not in left


def test_what_is_not_the_answers_fault_is_looked_at_by_hand(marked):
    said = mark_one([], "nowhere", 60, 2)
    assert said.startswith("Look by hand: the marking itself failed with ValueError")


def test_no_cell_is_longer_than_a_table_can_hold(marked):
    assert len(marked["wordy"]["Feedback comments"]) < 32_767


def test_what_is_said_is_that_of_check_cut_to_a_thousand_letters():
    assert mark.shortened("Wrong: `x` is *not*\n y") == "Wrong: x is not y"
    assert mark.shortened("no " + "x" * 2000) == "no " + "x" * 991 + " [...]"


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", "\t=1\n+1\r"])
def test_no_name_is_taken_for_a_formula_or_breaks_a_row(name):
    row = mark.csv_row(mark.Marks(Path(), {"00.line": "Right."}, who={"Student": name}))
    assert row["Student"] == "'" + " ".join(name.split())
    assert row["Grade"] == 1


def test_several_notebooks_of_a_learner_and_lessons_that_are_mixed_are_told():
    known = {"a": {"Student": "Ada", "Identifier": "17"}, "b": {"Student": "Bo"}, "c": {"Student": "Bo/2"}}
    known |= {"d": {"Student": "Ada", "Identifier": "18"}, "e": {"Student": "Eve"}}
    lessons = {"a": "00.line", "b": "10.queue", "c": "00.line", "d": "00.line"}
    marks = [mark.Marks(Path(p), {lessons[p]: ""} if p in lessons else {}, "", known[p]) for p in known]
    assert list(mark.warnings(marks)) == [
        "warning: 2 notebooks under the name Bo: b, c",
        "warning: lesson 10, unlike most: b",
    ]


@pytest.mark.parametrize(
    "options",
    [
        ["--jobs", "0"],
        ["--seconds", "-1"],
        ["--seconds", "nan"],
        ["--gigabytes", "-50"],
        ["--gigabytes", "inf"],
    ],
)
def test_a_number_that_cannot_be_is_refused_before_anything_is_written(tmp_path, capsys, options):
    (tmp_path / "x.ipynb").write_text(notebook("x"))
    (tmp_path / "keep.csv").write_text("old")
    with pytest.raises(SystemExit):
        mark.main([str(tmp_path), "--output", str(tmp_path / "keep.csv"), *options])
    assert "lie between 0 and a million" in capsys.readouterr().err
    assert (tmp_path / "keep.csv").read_text() == "old"


def test_a_table_that_cannot_be_written_is_told_and_the_old_one_stays(tmp_path, capsys, monkeypatch):
    def full(_):
        raise OSError("disk full")

    (tmp_path / "x.ipynb").write_text(notebook("x"))
    (tmp_path / "keep.csv").write_text("old")
    monkeypatch.setattr(mark, "csv_row", full)
    for output, said in (("keep.csv", "disk full"), ("no/such.csv", "No such file")):
        with pytest.raises(SystemExit):
            mark.main([str(tmp_path), "--output", str(tmp_path / output)])
        assert "the table cannot be written" in (told := capsys.readouterr().err) and said in told
    assert (tmp_path / "keep.csv").read_text() == "old"


def test_a_link_such_as_dev_stdout_stays_a_link(tmp_path):
    (tmp_path / "x.ipynb").write_text(notebook("x"))
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    mark.main([str(tmp_path), "--output", str(tmp_path / "link")])
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_text().startswith("Student,")


def test_a_folder_without_notebooks_is_told(tmp_path):
    with pytest.raises(SystemExit, match="there is no notebook in"):
        mark.main([str(tmp_path)])


def test_canvas_and_moodle_find_the_columns_that_they_need(marked):
    columns = list(marked["right"])
    assert columns[:5] == ["Student", "ID", "SIS User ID", "SIS Login ID", "Section"]
    assert {"Identifier", "Grade", "Last modified (grade)", "Feedback comments"} < set(columns)
    assert marked["Ada Lovelace"]["Identifier"] == "Participant 17"
    assert marked["lovelaceada"]["ID"] == "17"


def test_the_most_common_mistakes_are_told(tmp_path):
    said = TOO_LONG, "Not attempted yet.", TOO_LONG
    marks = [mark.Marks(tmp_path, {"10.queue": words, "10.loss": "Right."}) for words in said]
    assert list(mark.common_mistakes(marks)) == [f"   2 x  10.queue: {TOO_LONG}"]
