"""A lesson of the course in JupyterLab, for the tests of this folder; pictures go to artefacts/browser/."""

import contextlib
import re
from pathlib import Path

import pytest
from lab import Lesson, chromium, copy_notebooks, jupyter_lab, time_limit
from playwright.sync_api import Error

PICTURES = Path(__file__).resolve().parents[2] / "artefacts" / "browser"
LIMIT_SECONDS = 600  # for everything; two quiet cores need about 100


@pytest.fixture(scope="session")
def folder(tmp_path_factory):
    """A copy of the notebooks, which JupyterLab serves."""
    return copy_notebooks(tmp_path_factory.mktemp("lessons"))


@pytest.fixture(scope="session")
def address(folder):
    """Where JupyterLab serves the folder."""
    with time_limit(LIMIT_SECONDS), jupyter_lab(folder) as address:
        yield address


@pytest.fixture(scope="session")
def first_page():
    with chromium() as page:
        yield page


@pytest.fixture(scope="session")
def browser(first_page):
    """For tests that open pages of their own."""
    return first_page.context.browser


@pytest.fixture(scope="session")
def page(address, first_page):
    return first_page


@pytest.fixture(scope="session")
def fresh_lesson(page, address):
    """Lesson 04 as it comes: nothing has run."""
    return Lesson(page, address, "04_autoencoders.ipynb")


@pytest.fixture(scope="session")
def lesson(fresh_lesson):
    """Lesson 04 after "Run All"; the tests share it."""
    fresh_lesson.run_all()
    return fresh_lesson


@pytest.fixture(autouse=True)
def no_error_in_the_page(page):
    """JavaScript that fails in a test fails the test."""
    page.errors.clear()
    yield
    assert page.errors == []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item, call):
    """Keep what the page looks like when a test has ended, however it ended."""
    report = yield
    if "page" in item.funcargs and (call.when == "call" or report.failed):
        PICTURES.mkdir(parents=True, exist_ok=True)
        name = re.sub(r"\W+", "_", item.name.removeprefix("test_")).strip("_")
        with contextlib.suppress(Error):  # the browser is gone: the report says why
            item.funcargs["page"].screenshot(path=PICTURES / f"{name}.png")
    return report


@pytest.fixture
def say(capsys):
    """Print a measurement even where pytest keeps other output to itself."""

    def say(text):
        with capsys.disabled():
            print(f"\n{text}")

    return say
