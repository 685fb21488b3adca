"""Whether a run can be published where its recipe says."""

from __future__ import annotations

from ...schemas.errors import UserError
from ..publishing.hub import Hub
from ..publishing.settings import Publish
from . import PROBE_S, Check, in_thread


async def hub(publish: Publish) -> Check:
    """The Hub is reached, and the token may write for the repository's owner."""
    what = f"hub {publish.repo or ''}".rstrip()
    try:
        name = await in_thread(lambda: Hub().check(publish.repo))
    except TimeoutError:
        return Check(what, "red", f"no reply within {PROBE_S:g} s", "Is the Hub (HF_ENDPOINT) reached from here?")
    except UserError as error:
        return Check(what, "red", str(error), "Needed to publish only; `prefmill publish --dry-run` needs no Hub.")
    return Check(what, "ok", f"logged in as {name}")
