"""Is everything in place? `python -m sslcourse.check` answers, and says how to fix what is not.

Other packages are imported inside functions: a missing one is a row of the table, not a crash.
"""

import platform
import re
import sys
from collections.abc import Callable
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import NamedTuple

from sslcourse.remedies import ROOT, install, restore

PACKAGES = (
    "torch",
    "torchvision",
    "ipykernel",
    "ipywidgets",
    "matplotlib",
    "numpy",
)
DATA = Path(__file__).parent / "data"


class Row(NamedTuple):
    """One line of the table; name and status are the same on every sound machine, found is not."""

    name: str
    found: str
    ok: bool
    remedy: str  # what fixes it, commands a line each; empty if nothing is wrong

    @property
    def status(self) -> str:
        return "ok" if self.ok else "fix"


def check_environment() -> list[Row]:
    """Look at Python, the packages, the processors and every folder of embedded data."""
    asked = requirements()
    again = install("--force-reinstall", "--no-deps", asked["torchvision"])
    newer = "install Python 3.11 or newer, and set up the course with it as README.md says"
    folders = sorted(p for p in DATA.iterdir() if p.is_dir() and p.name[0] not in "._")
    return [
        seen_row("Python", python_found, newer),
        seen_row("sslcourse", partial(version_found, "sslcourse"), install_course()),
        *(
            seen_row(name, partial(version_found, asked[name]), install(asked[name]))
            for name in asked
        ),
        seen_row("torchvision import", torchvision_found, again),
        seen_row("threads", threads_found, install_course()),
        seen_row("accelerator", accelerator_found, install_course()),
        *(
            seen_row(f"data {f.name}", partial(files_found, f), restore(f.name))
            for f in folders
        ),
    ]


def report(rows: list[Row] | None = None, details: bool = False) -> None:
    """Print one line for each row, and below it what fixes it if it is not ok.

    Only details=True prints what was found, which differs between machines.
    """
    rows = check_environment() if rows is None else rows
    for row in rows:
        print(f"{row.status:4}  {row.name:18}  {row.found if details else ''}".rstrip())
        if not row.ok:
            print(f"      fix it with:  {row.remedy}".replace("\n", "\n" + " " * 20))
    print(
        "Everything is in place."
        if all(row.ok for row in rows)
        else "Fix these, then check again."
    )


def requirements() -> dict[str, str]:
    """What sslcourse's own metadata asks of each package: {"torch": "torch<3,>=2.11", "numpy": "numpy"}."""
    try:
        lines = metadata.requires("sslcourse") or []
    except metadata.PackageNotFoundError:
        lines = []
    asked = {
        re.match(r"[\w.-]+", line)[0]: line for line in lines if ";" not in line
    }  # no extras
    return {name: asked.get(name, name) for name in PACKAGES}


def install_course() -> str:
    """The command that installs the course and all that it needs; in a wheel, what it needs."""
    from_folder = (ROOT / "pyproject.toml").exists()
    return install("-e", ROOT) if from_folder else install(*requirements().values())


def seen_row(name: str, look: Callable[[], str], remedy: str) -> Row:
    """A row about something that is wrong exactly if looking at it raises."""
    try:
        return Row(name, look(), True, "")
    except Exception as error:  # whatever it is, the learner should read it in the table
        remedy = install_course() if isinstance(error, ImportError) else remedy
        return Row(name, str(error).partition("\n")[0], False, remedy)


def python_found() -> str:
    return that_fits(platform.python_version(), ">=3.11")


def version_found(requirement: str) -> str:
    """The installed version of a package, if it is one that the requirement allows."""
    name, wanted = re.fullmatch(r"([\w.-]+)(.*)", requirement).groups()
    try:
        return that_fits(metadata.version(name), wanted)
    except metadata.PackageNotFoundError:
        raise LookupError(f"not installed, wanted {wanted or 'any version'}") from None


def that_fits(version: str, wanted: str) -> str:
    """The version itself; raises ValueError if it is not as wanted, as in ">=6.17,!=7.4.0"."""
    from packaging.specifiers import SpecifierSet

    if not SpecifierSet(wanted).contains(version, prereleases=True):
        raise ValueError(f"{version}, wanted {wanted}")
    return version


def torchvision_found() -> str:
    from sslcourse.torchvision_compat import import_torchvision

    return f"{len(import_torchvision().datasets.__all__)} data sets"


def threads_found() -> str:
    import torch

    return str(torch.get_num_threads())


def accelerator_found() -> str:
    import torch

    if torch.cuda.is_available():
        return f"cuda: {torch.cuda.get_device_name()}"
    return "mps" if torch.backends.mps.is_available() else "none, and none is needed"


def files_found(folder: Path) -> str:
    from sslcourse.data.embedded import checksums, verified

    size = sum(len(verified(folder / name)) for name in checksums(folder))
    return f"{size / 1e6:.1f} MB, checksums agree"


def main() -> int:
    rows = check_environment()
    report(rows, details=True)
    return int(not all(row.ok for row in rows))


if __name__ == "__main__":
    sys.exit(main())
