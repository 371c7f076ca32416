"""Two additions to every pytest run: seconds per notebook; a test skipped, or expected to fail, is a failure.

After a cell that took too long, nbval expects those that follow to fail, and the run would pass.
"""

from collections import Counter

import pytest

NOT_RUN = ("skipped", "xfailed", "xpassed")


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")  # None in the workers of xdist
    if reporter and any(map(reporter.stats.get, NOT_RUN)) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter):
    seconds = Counter()
    for report in [report for reports in terminalreporter.stats.values() for report in reports]:
        path = getattr(report, "nodeid", "").partition("::")[0]
        if path.endswith(".ipynb"):
            seconds[path] += getattr(report, "duration", 0)
    if seconds:
        terminalreporter.section("seconds per notebook, slowest first")
        for path, total in seconds.most_common():
            terminalreporter.line(f"{total:8.1f}  {path}")
    for outcome in NOT_RUN:
        if reports := terminalreporter.stats.get(outcome):
            terminalreporter.line(f"FAILED: nothing may be {outcome}, and {len(reports)} were", red=True)
