"""The environment check, with what it finds replaced."""

from importlib import metadata

import pytest

from sslcourse import check
from sslcourse.check import Row

SOUND = [Row("torch", "2.13.0+cpu", True, ""), Row("threads", "2", True, "")]
WRONG = [*SOUND, Row("matplotlib", "3.1, wanted >=3.11", False, 'python -m pip install "matplotlib>=3.11"')]


def rows_by_name():
    return {row.name: row for row in check.check_environment()}


def not_installed(name):
    raise metadata.PackageNotFoundError(name)


def test_this_environment_is_sound():
    assert [row for row in check.check_environment() if not row.ok] == []


def test_pins_come_from_the_package_metadata(monkeypatch):
    asked = ["torch==9.9", "pillow>=12", 'pytest>=9; extra == "dev"']
    monkeypatch.setattr(metadata, "requires", {"sslcourse": asked}.get)
    assert check.requirements()["torch"] == "torch==9.9"
    assert check.requirements()["numpy"] == "numpy"
    assert list(check.requirements()) == list(check.PACKAGES)


@pytest.mark.parametrize(
    ("version", "wanted", "expected"),
    [
        ("2.13.0+cpu", "==2.13.0", True),
        ("2.13.1", "==2.13.0", False),
        ("2.12.0", "==2.13.0", False),
        ("4.10.1", ">=4.6", True),
        ("4.6", ">=4.6", True),
        ("4.5.9", ">=4.6", False),
        ("8.1.9", ">=8.1.9", True),
        ("2.4.6", "", True),
        ("7.3.0", "!=7.4.0,>=6.31", True),
        ("7.4.0", "!=7.4.0,>=6.31", False),
        ("6.30.1", "!=7.4.0,>=6.31", False),
    ],
)
def test_versions_are_compared_number_by_number(version, wanted, expected):
    assert check.fits(version, wanted) is expected


def test_wrong_version_is_a_row_with_the_command_that_mends_it(monkeypatch):
    monkeypatch.setattr(check, "requirements", lambda: {"torch": "torch==9.9", "torchvision": "torchvision"})
    row = rows_by_name()["torch"]
    assert row.status == "mend"
    assert row.found.endswith("wanted ==9.9")
    assert row.remedy == 'python -m pip install "torch==9.9"'


def test_missing_package_is_a_row_not_a_crash(monkeypatch):
    monkeypatch.setattr(check, "installed_version", lambda name: None)
    assert rows_by_name()["jupyterlab"].found == "not installed, wanted >=4.6"
    assert rows_by_name()["numpy"].found == "not installed, wanted any version"


def test_package_that_is_not_installed_has_no_version(monkeypatch):
    monkeypatch.setattr(metadata, "version", not_installed)
    assert check.installed_version("torch") is None


def test_course_that_is_not_installed_is_a_row_not_a_crash(monkeypatch):
    monkeypatch.setattr(metadata, "version", not_installed)
    monkeypatch.setattr(metadata, "requires", not_installed)
    assert rows_by_name()["sslcourse"].remedy == "python -m pip install -e ."


def test_old_python_is_a_row_with_a_remedy(monkeypatch):
    monkeypatch.setattr(check.platform, "python_version", lambda: "3.9.18")
    assert rows_by_name()["Python"].status == "mend"


def test_damaged_data_are_restored_from_git(monkeypatch):
    def damaged(split):
        raise ValueError(f"{split}-images.idx.xz is damaged")

    monkeypatch.setattr(check, "data_found", damaged)
    row = rows_by_name()["test images"]
    assert (row.found, row.remedy) == ("test-images.idx.xz is damaged", check.RESTORE)


def test_package_that_cannot_be_imported_is_mended_by_installing_it(monkeypatch):
    def no_torch():
        raise ModuleNotFoundError("No module named 'torch'")

    monkeypatch.setattr(check, "threads_found", no_torch)
    assert rows_by_name()["threads"].remedy == check.INSTALL


def test_accelerator_is_named_where_there_is_one(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setattr("torch.cuda.get_device_name", lambda: "some GPU")
    assert check.accelerator_found() == "cuda: some GPU"


def test_no_accelerator_is_fine(monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    monkeypatch.setattr("torch.backends.mps.is_available", lambda: False)
    assert check.accelerator_found() == "none, and none is needed"


def test_report_prints_what_differs_between_machines_only_as_details(capsys):
    check.report(SOUND)
    brief = capsys.readouterr().out
    check.report(SOUND, details=True)
    assert brief == "ok    torch\nok    threads\nEverything is in place.\n"
    assert "ok    torch               2.13.0+cpu" in capsys.readouterr().out


def test_report_prints_the_remedy_below_what_is_wrong(capsys):
    check.report(WRONG)
    lines = capsys.readouterr().out.splitlines()
    place = lines.index("mend  matplotlib")
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
