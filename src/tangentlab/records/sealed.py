"""JSON sealed by a checksum: one changed byte is noticed on the next read."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from tangentlab._errors import DamagedRecordError
from tangentlab._fingerprint import canonical_json


def seal(name: str, content: Any, **beside: Any) -> bytes:
    """`{name: content, "sha256": ..., **beside}` as bytes; the SHA-256 is of the other entries' canonical JSON.

    >>> print(seal("spec", {"seeds": 3}, format=1).decode().strip())
    {
     "format": 1,
     "sha256": "9bb65865ed1be5ffc2f1797f21bb2b9fd1bd9f737771c8ac04da663208d355d0",
     "spec": {
      "seeds": 3
     }
    }
    """
    document = {name: content, **beside}
    return _render(document | {"sha256": _digest(document)})


def unseal(name: str, data: bytes, *, path: Path, store: Path) -> dict[str, Any]:
    """The entries that were sealed, or a `DamagedRecordError` naming the file.

    The bytes must be exactly those that `seal` writes for this document, so that a flip which JSON would forgive
    (`1e5` for `1E5`) is noticed too.

    >>> data = seal("spec", {"seeds": 3})
    >>> unseal("spec", data, path=Path("s/spec.json"), store=Path("s"))["spec"]
    {'seeds': 3}
    >>> unseal("spec", data.replace(b"3", b"4"), path=Path("s/spec.json"), store=Path("s"))
    Traceback (most recent call last):
    tangentlab._errors.DamagedRecordError: s/spec.json is damaged: its content ... Run ...
    """
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        raise damaged(path, "it is not whole JSON", store=store) from None
    if not isinstance(document, dict) or name not in document or _render(document) != data:
        raise damaged(path, "its content does not match its checksum", store=store)
    if document.pop("sha256", None) != _digest(document):
        raise damaged(path, "its content does not match its checksum", store=store)
    return document


def damaged(path: Path, why: str, *, store: Path) -> DamagedRecordError:
    """The error for a file that cannot be trusted, with the command that mends the store.

    >>> print(damaged(Path("s/records/a.json"), "it is empty", store=Path("s")))
    s/records/a.json is damaged: it is empty. Run `tangentlab check s --repair`.
    """
    return DamagedRecordError(f"{path} is damaged: {why}.", remedy=f"Run `tangentlab check {store} --repair`.")


def _digest(document: dict[str, Any]) -> str:
    return hashlib.sha256(canonical_json(document).encode()).hexdigest()


def _render(document: Any) -> bytes:
    return (json.dumps(document, indent=1, sort_keys=True, ensure_ascii=True) + "\n").encode()
