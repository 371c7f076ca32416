"""What tests of several files use."""

import shutil
from importlib.util import find_spec

import pytest
import torch

# With the packages of `make test-graders` only.
collect_ignore = [] if find_spec("nbgrader") and find_spec("otter") else ["graders"]


@pytest.fixture
def one_thread():
    """torch's results may differ in the last digit with the number of threads."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def read_from_a_copy(tmp_path, monkeypatch):
    """read_from_a_copy(module): the module reads a copy of its FOLDER from now on; returns that folder."""

    def read_from_a_copy(module):
        copy = shutil.copytree(module.FOLDER, tmp_path / module.FOLDER.name)
        monkeypatch.setattr(module, "FOLDER", copy)
        return copy

    return read_from_a_copy
