"""Is everything in place? `python -m sslcourse.check` answers, and says how to mend what is not.

torch and the data are imported inside functions: a missing package is a row of the table, not a crash.
"""

import operator
import platform
import re
import sys
from collections.abc import Callable
from importlib import metadata
from typing import NamedTuple

PACKAGES = (
    "torch",
    "torchvision",
    "jupyterlab",
    "ipykernel",
    "ipywidgets",
    "matplotlib",
    "numpy",
)
INSTALL = "python -m pip install -e ."
RESTORE = "git checkout -- sslcourse/data/fashion"


class Row(NamedTuple):
    """One line of the table; name and status are the same on every sound machine, found is not."""

    name: str
    found: str
    ok: bool
    remedy: str  # the command that mends it; empty if nothing is wrong

    @property
    def status(self) -> str:
        return "ok" if self.ok else "mend"


def check_environment() -> list[Row]:
    """Look at Python, the packages, the processors and the embedded data."""
    asked = requirements()
    again = f'python -m pip install --force-reinstall "{asked["torchvision"]}"'
    return [
        version_row(
            "Python", platform.python_version(), ">=3.11", "python3.11 -m venv .venv"
        ),
        package_row("sslcourse", INSTALL),
        *(
            package_row(package, f'python -m pip install "{package}"')
            for package in asked.values()
        ),
        seen_row("torchvision import", torchvision_found, again),
        seen_row("threads", threads_found, INSTALL),
        seen_row("accelerator", accelerator_found, INSTALL),
        seen_row("training images", lambda: data_found("train"), RESTORE),
        seen_row("test images", lambda: data_found("test"), RESTORE),
    ]


def report(rows: list[Row] | None = None, details: bool = False) -> None:
    """Print one line for each row, and below it the command that mends it if it is not ok.

    Only details=True prints what was found, which differs between machines.
    """
    rows = check_environment() if rows is None else rows
    for row in rows:
        print(f"{row.status:4}  {row.name:18}  {row.found if details else ''}".rstrip())
        if not row.ok:
            print(f"      mend it with:  {row.remedy}")
    print(
        "Everything is in place."
        if all(row.ok for row in rows)
        else "Mend these, then check again."
    )


def requirements() -> dict[str, str]:
    """What sslcourse's own metadata asks of each package: {"torch": "torch==2.13.0", "numpy": "numpy"}."""
    try:
        asked = [
            line for line in metadata.requires("sslcourse") or [] if ";" not in line
        ]  # no extras
    except metadata.PackageNotFoundError:
        asked = []
    return {name: name for name in PACKAGES} | {
        name: line for line in asked if (name := name_and_wanted(line)[0]) in PACKAGES
    }


def name_and_wanted(requirement: str) -> tuple[str, str]:
    """Name and wanted version: "torch==2.13.0" gives "torch" and "==2.13.0"."""
    name = re.match(r"[\w.-]+", requirement).group()
    return name, requirement.removeprefix(name)


def fits(version: str, wanted: str) -> bool:
    """Whether a version is all that is wanted: "==2.13.0" (2.13.0+cpu is), or ">=6.31,!=7.4.0"."""
    compare = {"==": operator.eq, "!=": operator.ne, ">=": operator.ge}
    clauses = wanted.split(",") if wanted else []
    return all(compare[clause[:2]](numbers(version), numbers(clause)) for clause in clauses)


def numbers(version: str) -> list[int]:
    return [int(part) for part in re.findall(r"\d+", version.split("+")[0])]


def version_row(name: str, version: str | None, wanted: str, remedy: str) -> Row:
    if version is not None and fits(version, wanted):
        return Row(name, version, True, "")
    return Row(
        name, f"{version or 'not installed'}, wanted {wanted or 'any version'}", False, remedy
    )


def package_row(requirement: str, remedy: str) -> Row:
    name, wanted = name_and_wanted(requirement)
    return version_row(name, installed_version(name), wanted, remedy)


def seen_row(name: str, look: Callable[[], str], remedy: str) -> Row:
    """A row about something that is wrong exactly if looking at it raises."""
    try:
        return Row(name, look(), True, "")
    except ImportError as error:
        return Row(name, str(error), False, INSTALL)
    except Exception as error:  # whatever it is, the learner should read it in the table
        return Row(name, str(error), False, remedy)


def installed_version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


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


def data_found(split: str) -> str:
    from sslcourse.data import images

    return f"{len(images(split=split).labels):,} images, checksums agree"


def main() -> int:
    rows = check_environment()
    report(rows, details=True)
    return int(not all(row.ok for row in rows))


if __name__ == "__main__":
    sys.exit(main())
