"""A claim is silent while it holds, says so when it does not, and never raises."""

import pytest
import torch

from sslcourse.claims import claim


@pytest.mark.parametrize("holds", [True, torch.tensor(True), lambda: True, lambda: torch.tensor(1.0) > 0])
def test_a_claim_that_holds_says_nothing(holds, capsys):
    claim("one is positive", holds)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("fails", [False, torch.tensor(False), lambda: False, torch.tensor(float("nan")) > 0])
def test_a_claim_that_fails_is_one_line_with_its_text(fails, capsys):
    claim("one is negative", fails)
    assert capsys.readouterr().out == "No longer holds with your changes: one is negative\n"


@pytest.mark.parametrize("broken", [lambda: 1 / 0, lambda: {}["pixels"], torch.tensor([True, False])])
def test_a_claim_that_cannot_be_computed_does_not_raise(broken, capsys):
    claim("pixels win", broken)
    assert capsys.readouterr().out.startswith("Could not be checked with your changes (")
