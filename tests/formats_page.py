"""The part of `docs/formats.md` that the formats say themselves. Write it anew: `python -m tests.formats_page`."""

from __future__ import annotations

import inspect
from pathlib import Path
from textwrap import fill

from prefmill.schemas.formats import Format
from prefmill.schemas.plugins import load, names

PAGE = Path(__file__).parents[1] / "docs" / "formats.md"
BEGIN = "<!-- From here on written by `python -m tests.formats_page`. -->"
_TAKES = {
    "comparison": "For comparisons",
    "grade": "For single graded answers",
    "both": "For comparisons and graded answers",
}


def formats() -> dict[str, type[Format]]:
    """Name -> class of the formats that come with prefmill."""
    found = {name: load(Format, name) for name in names("format")}
    return {name: cls for name, cls in found.items() if cls.__module__.startswith("prefmill.")}


def section(name: str, format: type[Format]) -> str:
    """What one format is for, writes, carries and loses."""
    options = [f"`{option}` ({field.default})" for option, field in format.model_fields.items()]
    lines = [
        inspect.cleandoc(format.__doc__ or "").replace("\n", " "),
        f"{_TAKES[format.takes]}. Files: {', '.join(_files(format.files))}.",
        f"Carries and reads back: {', '.join(sorted(content.replace('_', ' ') for content in format.carries))}.",
        f"Cannot carry: {'; '.join(format.loses)}.",
        *([f"Options: {', '.join(options)}."] if options else []),
    ]
    return "\n".join([f"### {name}", "", *(fill(line, 120, break_on_hyphens=False) + "\n" for line in lines)])


def _files(files: tuple[str, ...]) -> list[str]:
    """The names, of a long numbered series only the first and the last."""
    series = [file for file in files if file.rpartition(".")[0].rpartition("_")[2].isdigit()]
    shown = [f"`{file}`" for file in files if file not in series]
    return [*shown, *([f"`{series[0]}` to `{series[-1]}`"] if series else [])]


def written() -> str:
    """The whole part, after `BEGIN`."""
    return "\n".join(section(name, format) for name, format in formats().items())


def main() -> None:
    """Write the part into the page; what stands before it stays."""
    own, mark, _ = PAGE.read_text(encoding="utf-8").partition(BEGIN)
    PAGE.write_text(f"{own}{mark or BEGIN}\n\n{written()}", encoding="utf-8")


if __name__ == "__main__":
    main()
