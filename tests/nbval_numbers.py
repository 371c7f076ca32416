"""How nbval compares the text of an output: a rounded number may differ by one unit of its last digit.

A number with a decimal point, or followed by %, was rounded, and of the thousands in the lessons one lies on
a boundary on some processor. All else must be equal: words, signs, whole numbers, code, the number of lines.
Loaded by `-p nbval_numbers`, with this folder on PYTHONPATH; tests/test_nbval_numbers.py has what passes.
"""

import re
from decimal import Decimal

from nbval.plugin import IPyNbCell

ROUNDED = re.compile(r" *(?<![\w.])([-+]?(?:\d[\d,]*)?\.\d+(?:e[-+]\d+)?(?!\.?\d)|[-+]?\d[\d,]*(?=\s?%))")
CODE = '<div class="highlight"'  # what show_source shows


def agree(text: str, other: str) -> bool:
    """Whether two outputs say the same, give or take the last digit of their rounded numbers."""
    if text.startswith(CODE) or ROUNDED.sub("#", text) != ROUNDED.sub("#", other):
        return text == other
    return all(map(one_unit_apart, ROUNDED.findall(text), ROUNDED.findall(other)))


def one_unit_apart(number: str, other: str) -> bool:
    """At most one unit of the last printed digit, the finer one where 0.999 stands beside 1.00."""
    a, b = (Decimal(n.replace(",", "")) for n in (number, other))
    return abs(a - b) <= min(Decimal(1).scaleb(x.as_tuple().exponent) for x in (a, b))


class Output(str):
    """The text of an output as nbval compares it."""

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and agree(str(self), str(other))

    def __ne__(self, other: object) -> bool:
        return not self == other

    __hash__ = str.__hash__


def pytest_configure() -> None:
    sanitize = IPyNbCell.sanitize  # the last step before nbval compares
    IPyNbCell.sanitize = lambda cell, value: (
        Output(sanitize(cell, value)) if isinstance(value, str) else sanitize(cell, value)
    )
