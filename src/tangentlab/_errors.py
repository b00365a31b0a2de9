"""Every way tangentlab refuses, as one tree. Each error is a sentence with a remedy.

::

    TangentlabError                 .remedy: what to do
    ├── ArgumentError               (ValueError)  an argument is not what it must be
    │   ├── ShapeError              its shape is wrong
    │   └── UnknownNameError        it names nothing in a catalogue
    ├── NetworkError                a network that has no tangent as it stands: names the layer
    ├── DataError                   data that is missing, empty, not finite, or of one class
    ├── NumericalError              a computation that cannot be trusted: says by how much
    │   ├── NotFiniteError          NaN or infinity
    │   ├── NotSymmetricError       a kernel that should be symmetric
    │   └── NotPositiveError        a kernel that should be positive semidefinite
    ├── StoreError                  a store or file that cannot be read or written
    │   └── DamagedRecordError      a record whose content does not match its checksum
    ├── MissingExtraError           (ImportError)  an optional dependency is not installed
    └── NotFittedError              (AttributeError)  a learner is asked for what only its fit has
"""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches


class TangentlabError(Exception):
    """Root of all refusals.

    >>> str(TangentlabError("The kernel has 3 NaN entries.", remedy="Check the inputs."))
    'The kernel has 3 NaN entries. Check the inputs.'
    """

    def __init__(self, message: str, *, remedy: str):
        super().__init__(message, remedy)
        self.message = message
        self.remedy = remedy

    def __str__(self) -> str:
        return f"{self.message} {self.remedy}"

    def __reduce__(self):
        return _rebuild, (type(self), self.message, self.remedy)


def _rebuild(kind: type[TangentlabError], message: str, remedy: str) -> TangentlabError:
    """Errors cross process borders: rebuild one without its own constructor."""
    error = kind.__new__(kind, message, remedy)
    TangentlabError.__init__(error, message, remedy=remedy)
    return error


class ArgumentError(TangentlabError, ValueError):
    """An argument is not what it must be.

    >>> str(ArgumentError("epochs", expected="a positive integer", got=-1, remedy="Try epochs=30."))
    '`epochs` must be a positive integer, got -1. Try epochs=30.'
    """

    def __init__(self, argument: str, *, expected: str, got: object, remedy: str):
        shown = got if isinstance(got, str) else repr(got)
        super().__init__(f"`{argument}` must be {expected}, got {shown}.", remedy=remedy)


class ShapeError(ArgumentError):
    """An array's shape is not what it must be."""


class UnknownNameError(ArgumentError):
    """A name that is in no catalogue; the choices and the nearest one are in the sentence.

    >>> str(UnknownNameError("network", "lenett", ["mlp", "lenet"]))
    "`network` must be one of lenet, mlp, got 'lenett'. Did you mean 'lenet'?"
    """

    def __init__(self, argument: str, name: str, choices: Iterable[str], *, remedy: str | None = None):
        names = sorted(choices)
        near = get_close_matches(str(name), names, n=1)
        if remedy is None:
            remedy = f"Did you mean '{near[0]}'?" if near else "Choose one of these names."
        super().__init__(argument, expected="one of " + ", ".join(names), got=repr(name), remedy=remedy)


class NetworkError(TangentlabError):
    """A network that has no tangent kernel as it stands; the message names the layer."""


class DataError(TangentlabError):
    """Data that is missing, empty, not finite, or of one class."""


class NumericalError(TangentlabError):
    """A computation whose result cannot be trusted; the message says by how much."""


class NotFiniteError(NumericalError):
    """NaN or infinity where numbers were needed."""


class NotSymmetricError(NumericalError):
    """A kernel on one set of rows must be symmetric and is not."""


class NotPositiveError(NumericalError):
    """A kernel must be positive semidefinite up to rounding and is not."""


class StoreError(TangentlabError):
    """A store, of records or of a kernel's tiles, or a file that cannot be read or written."""


class DamagedRecordError(StoreError):
    """A record whose content does not match its checksum."""


class MissingExtraError(TangentlabError, ImportError):
    """An optional dependency is not installed.

    >>> str(MissingExtraError("polars", extra="tables"))
    'This needs polars. Install it with: pip install "tangentlab[tables]"'
    """

    def __init__(self, package: str, *, extra: str):
        super().__init__(f"This needs {package}.", remedy=f'Install it with: pip install "tangentlab[{extra}]"')


class NotFittedError(TangentlabError, AttributeError):
    """A learner is asked for what only its fit has."""
