"""A search engine, a job queue and a launcher for argilla-server 2.8.0 in one process, on SQLite alone.

This package runs inside a virtual environment of its own, where prefmill is not installed: it imports the standard
library, numpy and argilla_server, and of itself only relatively. `__main__.py` loads it there under another name.
What needs no argilla_server (`query`, `matching`, `filters`, `sorting`, `documents`, `mapping`, `store`, `searching`,
`counting`, `home`)
can be imported anywhere.
"""
