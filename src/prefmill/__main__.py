"""`python -m prefmill`."""

from prefmill.cli import main

main()
