"""A run in which something was not tested fails."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

CONFTEST = Path(__file__).parents[1] / "conftest.py"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ("pass", 0),
        ("pytest.skip()", 1),
        ("pytest.xfail()", 1),
        ("request.node.add_marker(pytest.mark.xfail)", 1),  # and it passes, as after nbval's time limit
    ],
)
def test_what_is_skipped_or_expected_to_fail_is_a_failure(body, code, tmp_path):
    shutil.copy(CONFTEST, tmp_path)
    (tmp_path / "test_one.py").write_text(f"import pytest\n\ndef test_one(request):\n    {body}\n")
    done = subprocess.run([sys.executable, "-m", "pytest", "-q", tmp_path], capture_output=True, cwd=tmp_path)
    assert done.returncode == code, done.stdout.decode()
