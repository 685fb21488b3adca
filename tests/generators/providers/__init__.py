"""A package, unlike most folders of tests: mypy would take its `conftest` for the one above."""
