"""What the comparison of outputs lets pass, and what it does not."""

import pytest
from nbval_numbers import Output, agree

SAME = [
    ("loss 0.250", "loss 0.250"),
    ("loss 0.250", "loss 0.251"),
    ("0.960 and 0.041", "0.959 and 0.042"),
    ("loss 0.999", "loss 1.000"),
    ("three digits: 0.999", "three digits: 1.00"),
    ("0.5", "0.4999"),
    ("9.9e-06", "1.0e-05"),
    ("-0.01", "0.00"),
    ("accuracy 83 %", "accuracy 84 %"),
    ("83%", "82%"),
    ("1,234.5 nats", "1,234.6 nats"),
    ("a    9.99 b", "a   10.00 b"),
    ("a\n -0.10 b\n", "a\n -0.11 b\n"),
    ('<img alt="loss falls to 0.25">', '<img alt="loss falls to 0.26">'),
]
DIFFERENT = [
    ("loss 0.250", "loss 0.252"),
    ("loss 0.5", "loss 0.5999"),
    ("accuracy 83 %", "accuracy 85 %"),
    ("83 points", "84 points"),
    ("12,000 images", "12,001 images"),
    ("0.3 of 7", "0.3 of 8"),
    ("5 +- 2 %", "6 +- 2 %"),
    ("0.05", "-0.05"),
    ("+0.5", "-0.5"),
    ("loss 0.25", "loss nan"),
    ("gain 0.25", "loss 0.25"),
    ("holds: True", "holds: False"),
    ("0.25\n0.50\n", "0.25\n"),
    ("0.25, 0.50", "0.25"),
    ("0.25 0.50", "0.25\n0.50"),
    ("torch 2.13.0", "torch 2.14.0"),
    ("1e-05", "2e-05"),
    ('<div class="highlight">tau = 0.5', '<div class="highlight">tau = 0.6'),
]


@pytest.mark.parametrize(("text", "other"), SAME)
def test_one_unit_of_the_last_digit_passes(text, other):
    assert agree(text, other) and agree(other, text)


@pytest.mark.parametrize(("text", "other"), DIFFERENT)
def test_anything_more_fails(text, other):
    assert not agree(text, other) and not agree(other, text)


def test_nbval_is_given_a_text_that_compares_so():
    assert Output("0.25") == Output("0.26")
    assert Output("0.25") != Output("0.27")
    assert Output("0.25") != 0.25
