"""Started as a file, `python -P …/offline_process/__main__.py DESCRIPTOR`: the socket of the channel."""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

NAME = "prefmill_offline_process"


def main() -> None:
    """Load the package from this folder under a name of its own, and serve until the other side closes the channel."""
    folder = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    assert spec is not None
    assert spec.loader is not None
    sys.modules[NAME] = package = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(package)
    importlib.import_module(f"{NAME}.serving").run(int(sys.argv[1]))


# vLLM starts processes that import this file again.
if __name__ == "__main__":
    main()
