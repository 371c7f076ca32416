"""Put the address of the course's repository where readers look for it, once it has one.

make address ARGS=https://github.com/OWNER/NAME

README.md gets badges that open the first lesson in Colab and in Binder, CITATION.cff a line.
"""

import re
import sys
from pathlib import Path

from marked_text import with_table

ROOT = Path(__file__).resolve().parents[1]
COLAB, BINDER = "https://colab.research.google.com", "https://mybinder.org"
BRANCH, FIRST = "main", "notebooks/00_start_here.ipynb"


def opened_online(place: str, notebook: str) -> tuple[str, str]:
    """Where Colab and Binder open a notebook of a repository, OWNER/NAME."""
    return (
        f"{COLAB}/github/{place}/blob/{BRANCH}/{notebook}",
        f"{BINDER}/v2/gh/{place}/{BRANCH}?labpath={notebook}",
    )


def badges(address: str) -> str:
    """Two pictures that are links, in Markdown. Raises ValueError for what is no repository on GitHub."""
    if not (place := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", address)):
        raise ValueError(f"the address must be like https://github.com/OWNER/NAME, got {address}")
    in_colab, in_binder = opened_online(place[1], FIRST)
    return (
        f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({in_colab})\n"
        f"[![Open in Binder]({BINDER}/badge_logo.svg)]({in_binder})"
    )


def cited(citation: str, address: str) -> str:
    """The text of CITATION.cff with this address, and no other."""
    return re.sub(r"^repository-code:.*\n", "", citation, flags=re.M) + f"repository-code: {address}\n"


def main(address: str) -> None:
    readme, citation = ROOT / "README.md", ROOT / "CITATION.cff"
    shown = with_table(readme.read_text(encoding="utf-8"), "badges", badges(address))
    readme.write_text(shown, encoding="utf-8")
    citation.write_text(cited(citation.read_text(encoding="utf-8"), address), encoding="utf-8")


if __name__ == "__main__":
    try:
        main(*sys.argv[1:])
    except (TypeError, ValueError) as error:
        sys.exit(f"{error}\n\n{__doc__}")
