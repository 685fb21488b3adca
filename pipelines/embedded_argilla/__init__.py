"""An Argilla server on this machine, without Docker, Elasticsearch or Redis: built once, started, stopped, kept.

The server is argilla-server 2.8.0 with its own web pages, in a virtual environment of its own, where its many old pins
trouble nobody. What runs inside is `curation/argilla_server/`; the functions here start it and talk to it. It listens
on the loopback address unless one asks otherwise, and is made for a few annotators: for a team there is
`team_argilla/`.
"""
