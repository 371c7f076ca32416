"""Commands that fix what is wrong, as they are typed on this machine, from any folder."""

import os
import re
import shlex
import shutil
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]  # the folder that was cloned or unpacked
WINDOWS = os.name == "nt"


def typed(*words: str | Path) -> str:
    """A command as it is typed here: words that the shell would read in another way stand in quotes."""
    words = [str(word) for word in words]
    if not WINDOWS:
        return shlex.join(words)
    plain = re.compile(r"[\w.:=\\/-]+", re.ASCII)
    command = " ".join(word if plain.fullmatch(word) else f'"{word}"' for word in words)
    return f"{command}  (in PowerShell type & before it)" if command[0] == '"' else command


def install(*requirements: str | Path) -> str:
    """Install packages for the interpreter that runs this."""
    return typed(sys.executable or "python", "-m", "pip", "install", *requirements)


def restore(folder: str) -> str:
    """Bring back the files of a folder below sslcourse/data: two commands in a clone, else words.

    The first command makes git forget the files, since it leaves alone what it believes to be unchanged,
    such as files whose line ends it converted itself.
    """
    path = f"sslcourse/data/{folder}"
    if not ((ROOT / ".git").exists() and shutil.which("git")):
        return f"download or install the course again, it brings {ROOT / path}"
    git = "git", "-C", ROOT
    forget = typed(*git, "rm", "-r", "--cached", "--quiet", "--ignore-unmatch", "--", path)
    return f"{forget}\n{typed(*git, 'checkout', 'HEAD', '--', path)}"
