"""Files that the package carries, each with its checksum."""

import hashlib
from pathlib import Path


def verified(path: Path) -> bytes:
    """The content of an embedded file, if its SHA-256 is the one that SHA256SUMS beside it states."""
    restore = (
        f"restore it with `git checkout -- sslcourse/data/{path.parent.name}`, or install sslcourse again"
    )
    try:
        lines = (path.parent / "SHA256SUMS").read_text().splitlines()
        content = path.read_bytes()
    except FileNotFoundError as error:
        raise FileNotFoundError(f"{error.filename} is missing: {restore}") from None
    if f"{hashlib.sha256(content).hexdigest()}  {path.name}" not in lines:
        raise ValueError(f"{path} is damaged, its SHA-256 is not the one in SHA256SUMS: {restore}")
    return content
