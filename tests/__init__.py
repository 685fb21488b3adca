"""A package, with those of its folders that have a `conftest`: mypy would otherwise take one `conftest` for another."""
