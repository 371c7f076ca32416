"""Two additions to every pytest run: seconds per notebook, and a skipped test counts as a failure."""

from collections import Counter

import pytest


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session):
    reporter = session.config.pluginmanager.get_plugin("terminalreporter")  # None in the workers of xdist
    if reporter and reporter.stats.get("skipped") and session.exitstatus == pytest.ExitCode.OK:
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
    if skipped := terminalreporter.stats.get("skipped"):
        terminalreporter.line(f"FAILED: nothing may be skipped, and {len(skipped)} were", red=True)
