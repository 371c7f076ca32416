"""Marks are the verdicts of `check`, and what is wrong with one notebook costs one row."""

import csv
import inspect
import json
import sys

import psutil
import pytest
from test_answers import MODULES, RIGHT, WRONG

from sslcourse import mark
from sslcourse.exercises import all_exercises, find
from sslcourse.handed_in import code_cells, exercises_of, verdict_on
from sslcourse.mark import learner

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
        ([RIGHT_ANSWER, CHECK.replace("e)", "e(1, 2))")], "Your code raised AttributeError"),
        ([RIGHT_ANSWER, 'check("10.queue", 1)'], "Wrong: give your function itself"),
    ],
)  # fmt: skip
def test_other_answers_are_told_apart(cells, said):
    assert queue_verdict(*cells).startswith(said)


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
    assert code_cells(path)[0] == "x = 'é'"


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
    assert learner(tmp_path / path, others) == known


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
SECONDS = "10" if mark.FORK == "forkserver" else "60"  # a process that is spawned first imports torch


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
    mark.main([str(folder), "--output", str(table), "--seconds", SECONDS, "--gigabytes", "4", "--jobs", "4"])
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


@pytest.mark.skipif(sys.platform == "win32", reason="there are no process groups")
def test_nothing_that_an_answer_started_goes_on(marked):
    assert marked["leaves_a_child"]["Grade"] == "1"
    left = [process.info["cmdline"] for process in psutil.process_iter(["cmdline"])]
    assert ["sleep", "4711"] not in left


def test_no_cell_is_longer_than_a_table_can_hold(marked):
    assert len(marked["wordy"]["Feedback comments"]) < 32_767


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
