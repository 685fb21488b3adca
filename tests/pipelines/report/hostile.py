"""What a model, a file or a filter might be called to get out of a text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from prefmill.pipelines.report.figures import figures
from prefmill.pipelines.rundir import RunDirectory

from .handmade import handmade

MODEL = "</script><script>window.broken=1</script><img src=http://evil.example/x onerror=window.broken=2>"
OTHER = "{{SCRIPTS}} & \"quoted\" 'name' \u202erlo \x1b[31mred\x00nul ${alert(1)} `x` <!-- \u2028"
TEACHER = "--main'); window.broken=3; //<svg onload=window.broken=4>"
REASON = "<b>bold</b>\u200f \x07 a.b[0]\\"
HALF = "half \ud83d of a character"


def hostile_figures(folder: Path) -> dict[str, Any]:
    """Figures of a run all of whose names are hostile."""
    found = figures(RunDirectory(handmade(folder, models=(MODEL, OTHER), teacher=TEACHER, reason=REASON)))
    # Parquet and SQLite hold no half of a character; the manifest's JSON does.
    found["name"] = f"{MODEL} {HALF}"
    found["filters"][HALF] = {HALF: HALF}
    found["ranking"]["raw"]["models"][1]["model"] = HALF
    return found
