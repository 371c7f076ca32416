"""Docstrings of the package as reStructuredText, for the site."""

import re

from sslcourse.show import MATH, STRESSED

ARGUMENT = r"\n(?=[a-z]\w*(?:, [a-z]\w*)*: )"


def to_rst(docstring: str) -> str:
    """Equations as they are, `code` and *stress*, a line for each argument; no other sign means anything."""
    parts = MATH.split(docstring)
    return "\n\n".join(
        f".. math::{part.rstrip()}"
        if position % 2
        else "\n\n".join(map(_paragraph, part.strip().split("\n\n")))
        for position, part in enumerate(parts)
    )


def _paragraph(text: str) -> str:
    lines = [_inline(" ".join(line.split())) for line in re.split(ARGUMENT, text.strip())]
    return lines[0] if len(lines) == 1 else "\n".join(f"| {line}" for line in lines)


def _inline(text: str) -> str:
    pieces = re.split(rf"(`[^`]+`)|{STRESSED}", text)
    said = []
    for plain, code, stress in zip(pieces[::3], [*pieces[1::3], None], [*pieces[2::3], None], strict=True):
        said.append(re.sub(r"([*|`\\]|(?<=\w)_(?!\w))", r"\\\1", plain))
        if code or stress:
            marked = f"``{code[1:-1]}``" if code else f"*{stress}*"
            said.append(f"\\ {marked}\\ " if plain[-1:].isalnum() else f"{marked}\\ ")
    return "".join(said).strip()
