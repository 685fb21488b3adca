"""Run by path in the managed environment: `python -I …/argilla_server/__main__.py serve --home DIR`.

The folder has the name of the package that it needs, argilla_server, so it must not be importable by that name: it is
loaded as `prefmill_argilla`. `-I` keeps the folder itself, and the caller's own packages, off the path.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

NAME = "prefmill_argilla"


def run() -> int:
    """The exit status of the command."""
    folder = Path(__file__).parent
    spec = importlib.util.spec_from_file_location(
        NAME, folder / "__init__.py", submodule_search_locations=[str(folder)]
    )
    if spec is None or spec.loader is None:
        raise ImportError(f"{folder} cannot be loaded as a package")
    sys.modules[NAME] = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(sys.modules[NAME])
    status: int = importlib.import_module(f"{NAME}.commands").main(sys.argv[1:])
    return status


if __name__ == "__main__":
    sys.exit(run())
