"""Files that the package carries, each with its checksum."""

import hashlib
from collections.abc import Iterable
from pathlib import Path


def verified(path: Path) -> bytes:
    """The content of an embedded file, if its SHA-256 is the one that SHA256SUMS beside it states."""
    folder = f"sslcourse/data/{path.parent.name}"
    restore = f"restore it with `git checkout -- {folder}`, or install sslcourse again"
    try:
        lines = (path.parent / "SHA256SUMS").read_text().splitlines()
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error.filename} is missing: {restore}") from None
    if f"{sha256(content)}  {path.name}" not in lines:
        raise ValueError(
            f"{path} is damaged, its SHA-256 is not the one in SHA256SUMS: {restore}"
        )
    return content


def write_checksums(paths: Iterable[Path]) -> None:
    """SHA256SUMS of files of one folder, beside them: what verified() compares with."""
    paths = sorted(paths)
    lines = [f"{sha256(path.read_bytes())}  {path.name}\n" for path in paths]
    (paths[0].parent / "SHA256SUMS").write_text("".join(lines))


def sha256(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()
