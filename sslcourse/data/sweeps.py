"""Trainings that a lesson compares but has no time for: stored results, made by tools/sweep.py."""

import json
from pathlib import Path

from sslcourse.data.embedded import checksums, verified

FOLDER = Path(__file__).parent / "sweeps"


def sweep(name: str) -> dict[str, list[dict[str, float]]]:
    """Setting -> a point for each seed or draw of labels.

    The file's "columns" says what a point holds, and its "command" makes the points again.
    """
    known = [Path(file).stem for file in checksums(FOLDER)]
    if name not in known:
        raise ValueError(f"unknown sweep {name!r}; choose one of {', '.join(known)}")
    return json.loads(verified(FOLDER / f"{name}.json"))["points"]
