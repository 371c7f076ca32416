"""The environment check, with what it finds replaced."""

import shlex
import shutil
import sys
from importlib import metadata

import pytest

from sslcourse import check
from sslcourse.check import Row
from sslcourse.data.embedded import SUMS, checksums
from sslcourse.remedies import install

SOUND = [Row("torch", "2.13.0+cpu", True, ""), Row("threads", "2", True, "")]
WRONG = [*SOUND, Row("matplotlib", "3.1, wanted >=3.11", False, 'python -m pip install "matplotlib>=3.11"')]
FOLDERS = sorted(path.parent.name for path in check.DATA.glob(f"*/{SUMS}"))


def rows_by_name():
    return {row.name: row for row in check.check_environment()}


def not_installed(name):
    raise metadata.PackageNotFoundError(name)


def test_this_environment_is_sound():
    assert [row for row in check.check_environment() if not row.ok] == []


def test_what_is_wanted_comes_from_the_package_metadata(monkeypatch):
    asked = ["torch==9.9", "pillow>=12", 'pytest>=9; extra == "dev"']
    monkeypatch.setattr(metadata, "requires", {"sslcourse": asked}.get)
    assert check.requirements()["torch"] == "torch==9.9"
    assert check.requirements()["numpy"] == "numpy"
    assert list(check.requirements()) == list(check.PACKAGES)


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("2.13.0+cpu", "==2.13.0", True),
        ("2.12.0", "==2.13.0", False),
        ("2.13.0+cpu", "<3,>=2.11", True),
        ("3.0.1", "<3,>=2.11", False),
        ("2.14.0", "<=2.13", False),
        ("2.13.1", ">2.13.0", True),
        ("2.13.9", "~=2.13.0", True),
        ("2.14.0", "~=2.13.0", False),
        ("2.13.9", "==2.13.*", True),
        ("2.14.0", "==2.13.*", False),
        ("4.10.1", ">=4.6", True),
        ("2.4.6", "", True),
        ("2.14.0.dev20261101", "<3,>=2.11", True),
        ("7.3.0", "!=7.4.0,>=6.31", True),
        ("7.4.0", "!=7.4.0,>=6.31", False),
    ],
)
def test_versions_are_compared_as_pip_compares_them(monkeypatch, version, wanted, expected):
    monkeypatch.setattr(metadata, "version", lambda name: version)
    monkeypatch.setattr(check, "requirements", lambda: {"torch": f"torch{wanted}", "torchvision": ""})
    assert rows_by_name()["torch"].ok is expected


def test_wrong_version_is_a_row_with_the_command_that_mends_it(monkeypatch):
    monkeypatch.setattr(check, "requirements", lambda: {"torch": "torch==9.9", "torchvision": "torchvision"})
    row = rows_by_name()["torch"]
    assert row.status == "fix"
    assert row.found.endswith("wanted ==9.9")
    assert row.remedy == install("torch==9.9")


def test_a_remedy_is_for_the_interpreter_that_runs(monkeypatch):
    monkeypatch.setattr(metadata, "version", not_installed)
    words = shlex.split(rows_by_name()["matplotlib"].remedy)
    assert words == [sys.executable, "-m", "pip", "install", check.requirements()["matplotlib"]]


def test_missing_package_is_a_row_not_a_crash(monkeypatch):
    asked = {"torch": "torch>=2.11", "torchvision": "torchvision"}
    monkeypatch.setattr(check, "requirements", lambda: asked)
    monkeypatch.setattr(metadata, "version", not_installed)
    assert rows_by_name()["torch"].found == "not installed, wanted >=2.11"
    assert rows_by_name()["torchvision"].found == "not installed, wanted any version"


def test_course_that_is_not_installed_is_a_row_not_a_crash(monkeypatch):
    monkeypatch.setattr(metadata, "version", not_installed)
    monkeypatch.setattr(metadata, "requires", not_installed)
    assert rows_by_name()["sslcourse"].remedy == install("-e", check.ROOT)


def test_without_the_folder_of_the_course_its_packages_are_installed(monkeypatch, tmp_path):
    monkeypatch.setattr(check, "ROOT", tmp_path)
    assert check.install_course() == install(*check.requirements().values())


def test_a_missing_packaging_is_a_row_not_a_crash(monkeypatch):
    monkeypatch.setitem(sys.modules, "packaging.specifiers", None)
    assert rows_by_name()["torch"].remedy == check.install_course()


def test_old_python_is_a_row_with_a_remedy(monkeypatch):
    monkeypatch.setattr(check.platform, "python_version", lambda: "3.9.18")
    assert rows_by_name()["Python"].status == "fix"


def test_package_that_cannot_be_imported_is_mended_by_installing_it(monkeypatch):
    def no_torch():
        raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setattr(check, "threads_found", no_torch)
    assert rows_by_name()["threads"].remedy == check.install_course()


def test_accelerator_is_named_where_there_is_one(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "some GPU")
    assert check.accelerator_found() == "cuda: some GPU"


def test_no_accelerator_is_fine(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert check.accelerator_found() == "none, and none is needed"


# The embedded data


@pytest.fixture
def copied(tmp_path, monkeypatch):
    """A copy of all embedded data that the check looks at instead."""
    skip = shutil.ignore_patterns("*.py", "__pycache__")
    monkeypatch.setattr(check, "DATA", shutil.copytree(check.DATA, tmp_path / "data", ignore=skip))
    return check.DATA


def damage(path):
    path.write_bytes(path.read_bytes()[:-1] + b"?")


def to_crlf(path):
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_file_of_a_data_folder_has_a_checksum(folder):
    files = {path.name for path in (check.DATA / folder).iterdir()}
    assert set(checksums(check.DATA / folder)) == files - {SUMS}


@pytest.mark.parametrize("folder", FOLDERS)
@pytest.mark.parametrize("spoil", [damage, to_crlf, lambda path: path.unlink()])
def test_a_spoilt_file_in_any_folder_is_found_and_that_folder_restored(copied, folder, spoil):
    names = [name for name in checksums(copied / folder) if not name.endswith((".xz", ".safetensors"))]
    spoil(copied / folder / names[0])
    wrong = [row for row in check.check_environment() if not row.ok]
    assert [row.name for row in wrong] == [f"data {folder}"]
    assert wrong[0].found.startswith(str(copied / folder))
    assert f"sslcourse/data/{folder}" in wrong[0].remedy


def test_a_folder_without_checksums_is_found(copied):
    (copied / "weights" / SUMS).unlink()
    (copied / "new").mkdir()
    assert [name for name, row in rows_by_name().items() if not row.ok] == ["data new", "data weights"]


# The report


def test_report_prints_what_differs_between_machines_only_as_details(capsys):
    check.report(SOUND)
    brief = capsys.readouterr().out
    check.report(SOUND, details=True)
    assert brief == "ok    torch\nok    threads\nEverything is in place.\n"
    assert "ok    torch               2.13.0+cpu" in capsys.readouterr().out


def test_report_prints_the_remedy_below_what_is_wrong(capsys):
    check.report(WRONG)
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("fix   matplotlib")
    assert lines[place + 1].endswith('python -m pip install "matplotlib>=3.11"')


@pytest.mark.parametrize(("rows", "status"), [(SOUND, 0), (WRONG, 1)])
def test_exit_status_says_whether_something_is_wrong(monkeypatch, rows, status):
    monkeypatch.setattr(check, "check_environment", lambda: rows)
    assert check.main() == status


def test_rows_have_the_same_names_whatever_is_wrong(monkeypatch):
    sound = list(rows_by_name())
    monkeypatch.setattr(metadata, "version", not_installed)
    monkeypatch.setattr(metadata, "requires", not_installed)
    assert list(rows_by_name()) == sound
