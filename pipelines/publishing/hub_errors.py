"""What can go wrong with the Hub, as one line each with what to do about it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from ...schemas.errors import EndpointError, UserError

OFFLINE = "HF_HUB_OFFLINE is set, so nothing can be published. Unset it, or write the folder with --dry-run."
AGAIN = "Run the same command again: what arrived is not sent a second time."
_BY_STATUS = {
    400: "The Hub does not take this as it is.",
    401: "The token is not valid: make one at {endpoint}/settings/tokens and set HF_TOKEN, or `hf auth login`.",
    402: "The account's plan or credit does not cover it: look at {endpoint}/settings/billing.",
    403: "The token may not do this: it needs the right to write to {owner}, or the storage of {owner} is full.",
    404: "No such repository or branch, or the token may not see it: check the name and the token.",
    409: "Something is in the way on the Hub, such as a change that is still under way. " + AGAIN,
    412: "The repository was changed meanwhile. " + AGAIN,
    413: "It is larger than the Hub takes: publish fewer formats, or ask for more storage.",
    429: "Too many requests: wait a few minutes. " + AGAIN,
    507: "The storage of {owner} is full: make space, or ask for more.",
}
"""HTTP status -> what to do."""
LONGEST = 200
"""Characters of what the Hub says that are repeated."""


@contextmanager
def one_line(endpoint: str, repo: str | None, token: str | None) -> Iterator[None]:
    """Whatever `huggingface_hub` raises, as `UserError`; the token never stands in it."""
    import httpx2
    from huggingface_hub.errors import HfHubHTTPError, OfflineModeIsEnabled

    def line(text: str) -> str:
        hidden = text.replace(token, "(the token)") if token else text
        return " ".join(hidden.split())

    try:
        yield
    except UserError:
        raise
    except OfflineModeIsEnabled:
        raise UserError(OFFLINE) from None
    except (HfHubHTTPError, httpx2.HTTPError, RuntimeError, ValueError, OSError) as error:
        # An upload's own error comes wrapped, with the cause behind it.
        cause = error.__cause__ if isinstance(error, RuntimeError) and error.__cause__ else error
        if isinstance(cause, HfHubHTTPError):
            raise UserError(line(_of_status(cause, endpoint, repo))) from None
        if isinstance(cause, httpx2.TransportError):
            said = str(cause) or type(cause).__name__
            raise EndpointError(line(f"{endpoint}: cannot be reached ({said[:LONGEST]}). {AGAIN}")) from None
        if not isinstance(cause, RuntimeError):  # one of those is a bug, and keeps its traceback
            raise UserError(line(f"{repo or endpoint}: {str(cause)[:LONGEST]}")) from None
        raise


def _of_status(error: Exception, endpoint: str, repo: str | None) -> str:
    from huggingface_hub.errors import HfHubHTTPError

    assert isinstance(error, HfHubHTTPError)
    status = error.response.status_code
    said = (error.server_message or error.response.headers.get("X-Error-Message") or "").strip()
    what = f" ({said[:LONGEST]})" if said else ""
    advice = _BY_STATUS.get(status, "The Hub has trouble. " + AGAIN if status >= 500 else "")
    owner = repo.partition("/")[0] if repo else "this account"
    return f"{repo or endpoint}: HTTP {status}{what}. {advice.format(endpoint=endpoint, owner=owner)}"
