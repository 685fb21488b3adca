"""A package because it has a `conftest`, as `tests/__init__.py` says."""
