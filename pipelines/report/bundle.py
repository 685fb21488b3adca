"""Vega, Vega-Lite and Vega-Embed as one script, from the copy in vl-convert (github.com/vega/vl-convert)."""

from __future__ import annotations

from functools import cache
from importlib import util

from ...schemas.errors import UserError

NEEDED = ("altair", "vl_convert")


def require() -> None:
    """Raise `UserError` where the extra that draws charts is not installed."""
    missing = [name for name in NEEDED if util.find_spec(name) is None]
    if missing:
        raise UserError(f"the report needs {' and '.join(missing)}: pip install 'prefmill[report]'")


@cache
def bundle() -> str:
    """The script; it sets `vegaEmbed`. Of the version of Vega-Lite that altair writes specifications for."""
    import altair
    import vl_convert

    major, minor = altair.SCHEMA_VERSION.removeprefix("v").split(".")[:2]
    made: str = vl_convert.javascript_bundle("window.vegaEmbed = vegaEmbed;", f"{major}.{minor}")
    return made
