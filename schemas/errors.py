"""Every error prefmill raises, and what each one means for the person at the terminal.

    PrefmillError
    ├── UserError (ValueError)          the person can fix it: one line, exit 2
    │   ├── RecipeError                 the recipe is wrong; nothing was started
    │   ├── SourceError                 the input file cannot be read at all
    │   ├── UnknownPlugin (LookupError) no plug-in of that name
    │   ├── Undefined                   a statistic that these rows do not define (curation/agreement/estimate.py)
    │   ├── NotASample                  no error rate can be read off these rows (curation/error_rate/sample.py)
    │   ├── RunDirectoryError (OSError) the run directory cannot be used
    │   ├── OutOfBand                   a teacher's probes are out of the recipe's band: nothing more is sent
    │   └── EndpointError (ConnectionError)  an endpoint is unreachable, refuses the key or lacks the model
    │       └── PutOff                  its model is not loaded now: the row comes again in a later pass
    ├── Unreadable (ValueError)         a reply that a judge's reader does not accept; becomes a failed row
    ├── Unaskable (ValueError)          a task that a judge cannot ask about; becomes a failed row
    ├── CannotCarry (ValueError)        a row that a format cannot express; counted as a loss of the export
    ├── CallFailed (RuntimeError)       one model call failed, with its kind; becomes a failed row
    └── Stopped (RuntimeError)          Ctrl-C; what was done is kept, exit 3
        └── CapReached                  a cap on dollars, calls or hours

A failure of one row is a value (`row.Failure`), never an exception that leaves its stage. Exceptions are for what
stops a whole run. A message reads `FILE: key.path: what is wrong (got …). Known: …. Did you mean …?`
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class PrefmillError(Exception):
    """Root of all errors raised on purpose."""


class UserError(PrefmillError, ValueError):
    """Something the person can put right. Its text is one line, ready to print; the process exits with 2."""


class RecipeError(UserError):
    """The recipe does not say what it must. `lines` holds one finished line for each mistake."""

    def __init__(self, lines: Iterable[str]) -> None:
        self.lines = tuple(lines)
        super().__init__("\n".join(self.lines))


class SourceError(UserError):
    """A file of tasks or recorded answers cannot be read at all (one bad line is a failed row instead)."""


class UnknownPlugin(UserError, LookupError):
    """A recipe names a plug-in that does not exist."""


class RunDirectoryError(UserError, OSError):
    """The run directory cannot be written, belongs to another recipe, or is in use."""


class OutOfBand(UserError):
    """What a teacher says of probe pairs is so far out that its judgments are not worth paying for.

    A person has to look, so it is no `Stopped`: the same recipe, started again, stops again and sends nothing.
    """


class EndpointError(UserError, ConnectionError):
    """An endpoint fails for good: unreachable, key refused, unknown model. Repeating the call would not help."""


class PutOff(EndpointError):
    """A call to a model that is not loaded in this pass over the tasks: nothing was sent, and the row comes again."""


class Unreadable(PrefmillError, ValueError):
    """A judge's reader does not accept a reply. The text says what was expected and what stood there."""


class Unaskable(PrefmillError, ValueError):
    """A judge cannot ask about a task. The text says what the task lacks."""


class CannotCarry(PrefmillError, ValueError):
    """A format cannot express a row. `reason` is a short fixed string, so that losses can be counted."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(reason)


class CallFailed(PrefmillError, RuntimeError):
    """One model call failed.

    `kind` is one of `row.FailureKind`; `retry_after` is what the server asked for, in seconds; `fatal` says that every
    further call to this endpoint would fail the same way; `final`, that this call is not to be sent another time.
    """

    def __init__(
        self, kind: str, message: str, *, retry_after: float | None = None, fatal: bool = False, final: bool = False
    ) -> None:
        self.kind, self.message, self.retry_after, self.fatal, self.final = kind, message, retry_after, fatal, final
        super().__init__(f"{kind}: {message}")


class Stopped(PrefmillError, RuntimeError):
    """The run was stopped at a row boundary and can be resumed."""


class CapReached(Stopped):
    """What the run may spend is spent.

    `option` is the cap as the command line names it, `higher` one that lets the run go on; None where it begins anew.
    """

    def __init__(self, message: str, option: str, higher: float | None = None) -> None:
        self.option, self.higher = option, higher
        super().__init__(message)


def known(name: str, names: Iterable[str]) -> str:
    """`Known: a, b, c. Did you mean 'b'?` for an unknown `name`; the second sentence only when one is near."""
    options = sorted(names)
    text = f"Known: {', '.join(options) or 'none'}."
    near = difflib.get_close_matches(name, options, n=1, cutoff=0.6)
    return f"{text} Did you mean {near[0]!r}?" if near else text
