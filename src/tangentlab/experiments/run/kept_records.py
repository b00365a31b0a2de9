"""What a run has left, a comparison or a study: its records, as rows, as a data frame and as a page."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any, ClassVar, Self

from tangentlab._atomic import write_atomically
from tangentlab._errors import ArgumentError, MissingExtraError
from tangentlab.records import Record, Store
from tangentlab.report import write_report


@dataclass(frozen=True, eq=False)
class KeptRecords(ABC):
    """The records of a run and what was asked of it."""

    records: tuple[Record, ...]
    spec: Mapping[str, Any] = field(default_factory=dict)
    path: Path | None = None
    """The store, if it is kept."""

    made_by: ClassVar[str]
    """The public function that makes such results."""

    @classmethod
    def of(cls, store: Store | str | Path) -> Self:
        """The results in a store; `DamagedRecordError` if a record is damaged."""
        store = store if isinstance(store, Store) else Store.open(store)
        return cls(store.records(), store.spec, store.path)

    @property
    def failed(self) -> tuple[Record, ...]:
        """The records of the cells, or units, that failed."""
        return tuple(record for record in self.records if not record.done)

    @abstractmethod
    def rows(self) -> list[dict[str, Any]]:
        """Dictionaries of plain values, one a line of a table."""

    @abstractmethod
    def page(self) -> str:
        """The report as one HTML page."""

    def to_polars(self) -> Any:
        """The rows as a polars DataFrame; `MissingExtraError` without polars."""
        return _extra("polars").DataFrame(self.rows(), infer_schema_length=None)

    def to_pandas(self) -> Any:
        """The rows as a pandas DataFrame; `MissingExtraError` without pandas."""
        return _extra("pandas").DataFrame(self.rows())

    def report(self, path: str | Path | None = None) -> Path:
        """Write the page and return its path; without one, `report.html` in the store."""
        if self.path is not None:
            return write_report(self.path, path)
        if path is None:
            raise ArgumentError(
                "path",
                expected="given, as these results are not kept in a store",
                got=None,
                remedy=f"Try report('report.html'), or {self.made_by}(..., out='runs/mine').",
            )
        path = Path(path)
        write_atomically(path, self.page().encode("utf-8", "replace"))
        return path


def _extra(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError as error:
        raise MissingExtraError(name, extra="tables") from error
