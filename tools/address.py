"""Put the address of the course's repository where readers look for it, once it has one.

python tools/address.py https://github.com/OWNER/NAME

README.md gets badges that open the first lesson in Colab and in Binder, CITATION.cff a line.
"""

import re
import sys
from pathlib import Path

from lesson_times import with_table

ROOT = Path(__file__).resolve().parents[1]
COLAB = "https://colab.research.google.com"
BINDER = "https://mybinder.org"
FIRST = "notebooks/00_start_here.ipynb"


def badges(address: str) -> str:
    """Two pictures that are links, in Markdown. Raises ValueError for what is no repository on GitHub."""
    if not (place := re.fullmatch(r"https://github\.com/([\w.-]+/[\w.-]+?)(?:\.git)?/?", address)):
        raise ValueError(f"the address must be like https://github.com/OWNER/NAME, got {address}")
    return (
        f"[![Open in Colab]({COLAB}/assets/colab-badge.svg)]({COLAB}/github/{place[1]}/blob/main/{FIRST})\n"
        f"[![Open in Binder]({BINDER}/badge_logo.svg)]({BINDER}/v2/gh/{place[1]}/main?labpath={FIRST})"
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
