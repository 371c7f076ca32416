"""Files that the package carries, each with its checksum, and files that are written whole or not at all."""

import hashlib
import os
from pathlib import Path

from sslcourse.remedies import restore

SUMS = "SHA256SUMS"


def verified(path: Path) -> bytes:
    """The content of an embedded file, if its SHA-256 is the one that SHA256SUMS beside it states.

    Raises FileNotFoundError or ValueError, and says how to restore its folder.
    """
    content = _content(path)
    if sha256(content) != checksums(path.parent).get(path.name):
        raise ValueError(f"{path} is damaged, its SHA-256 is not the one in {SUMS}: {_remedy(path)}")
    return content


def checksums(folder: Path) -> dict[str, str]:
    """File name -> SHA-256, as the folder's SHA256SUMS states them."""
    lines = _content(folder / SUMS).decode().splitlines()
    return {name: digest for digest, _, name in (line.partition("  ") for line in lines)}


def write_checksums(folder: Path) -> None:
    """State the SHA-256 of every file of a folder in its SHA256SUMS: what verified() compares with."""
    paths = sorted(path for path in folder.iterdir() if path.name not in (SUMS, ".DS_Store"))
    lines = [f"{sha256(path.read_bytes())}  {path.name}\n" for path in paths]
    (folder / SUMS).write_bytes("".join(lines).encode())


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def write_whole(path: Path, content: bytes) -> None:
    """Write a file that is whole or, whatever happens meanwhile, the one that was there before."""
    part = path.with_name(f"{path.name}.part")
    try:
        with open(part, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    except OSError:
        part.unlink(missing_ok=True)
        raise
    if os.name == "posix":  # the folder's list of names is on the disk too
        descriptor = os.open(path.parent, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise FileNotFoundError(f"{path} is missing: {_remedy(path)}") from None


def _remedy(path: Path) -> str:
    return f"restore its folder\n{restore(path.parent.name)}"
