"""One HTML page that asks nothing of any network: sections, their charts and all that draws them in one file.

Its content security policy (w3.org/TR/CSP3) lets nothing be loaded and runs only the scripts and styles that it names
by their hashes, so that a text which got in as markup by a mistake of ours could still do nothing. Vega may compile no
code then: its interpreter walks the expressions (vega.github.io/vega/usage/interpreter).
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from importlib import resources
from typing import Any

from .bundle import bundle
from .written import as_data, text

Spec = Mapping[str, Any]
"""A Vega-Lite specification."""
CHARTS = "charts"
"""Id of the element that holds the charts' specifications, by the id of their place."""


@dataclass(frozen=True)
class Section:
    """A part of the page: `<section id=anchor>` with a heading, in the contents at the side."""

    anchor: str
    """Id of the section: ASCII letters and `-`, no other section's."""
    title: str
    """Plain text."""
    html: str
    """What stands below the heading. Texts in it have gone through `written.text`; no `<script>`, no `style=`."""
    charts: Mapping[str, Spec] = field(default_factory=dict)
    """Id of an empty element in `html` -> the chart that is drawn there."""
    data: Mapping[str, object] = field(default_factory=dict)
    """Id -> a JSON value: `JSON.parse(document.getElementById(id).textContent)`."""
    scripts: Sequence[str] = ()
    """Run in this order, after the page stands and its charts' library is there."""
    styles: Sequence[str] = ()


def page(figures: Mapping[str, Any], sections: Sequence[Section], extra_sections: Sequence[Section] = ()) -> str:
    """The page of a run: `sections` (`sections.py` makes them of the figures), then `extra_sections`."""
    every = (*sections, *extra_sections)
    styles = [_file("page.css"), *(style for section in every for style in section.styles)]
    scripts = [bundle(), _file("page.js"), *(script for section in every for script in section.scripts)]
    assert not any("</script" in script.lower() or "<!--" in script for script in scripts)
    data: dict[str, object] = {CHARTS: {name: spec for section in every for name, spec in section.charts.items()}}
    for section in every:
        data |= section.data
    parts = {
        "POLICY": _policy(scripts, styles),
        "TITLE": text(figures["name"]),
        "STYLES": "".join(f"<style>{style}</style>\n" for style in styles),
        "CONTENTS": "".join(f'<li><a href="#{one.anchor}">{text(one.title)}</a></li>' for one in every),
        "SECTIONS": "\n".join(
            f'<section id="{one.anchor}" aria-labelledby="{one.anchor}-title">'
            f'<h2 id="{one.anchor}-title">{text(one.title)}</h2>\n{one.html}</section>'
            for one in every
        ),
        "MADE": text(f"prefmill {figures['prefmill']}"),
        "DATA": "".join(
            f'<script type="application/json" id="{name}">{as_data(value)}</script>\n' for name, value in data.items()
        ),
        "SCRIPTS": "".join(f"<script>{script}</script>\n" for script in scripts),
    }
    # Split first and filled in then: a text that looks like a place of the template stays a text.
    pieces = _file("page.html").split("{{")
    return pieces[0] + "".join(parts[name] + rest for name, _, rest in (piece.partition("}}") for piece in pieces[1:]))


def _policy(scripts: Iterable[str], styles: Iterable[str]) -> str:
    kinds = {"script-src": scripts, "style-src": styles}
    hashes = (" ".join([kind, *(f"'sha256-{_hash(one)}'" for one in some)]) for kind, some in kinds.items())
    return "; ".join(("default-src 'none'", *hashes, "base-uri 'none'", "form-action 'none'"))


def _hash(content: str) -> str:
    return base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()


def _file(name: str) -> str:
    return (resources.files(__package__) / name).read_text(encoding="utf-8")
