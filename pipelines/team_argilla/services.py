"""The compose file of a team's Argilla server: what runs, what waits for what, and who can reach it.

Source: the services and `ARGILLA_` variables are those of argilla-server 2.8.0, `settings.py`, `cli/worker.py` and
`docker/server/Dockerfile`, and of the repository's `examples/deployments/docker/docker-compose.yaml`, which also names
this Elasticsearch. Form: the Compose Specification (compose-spec.io).
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

ARGILLA = "argilla/argilla-server:v2.8.0"
ELASTICSEARCH = "docker.elastic.co/elasticsearch/elasticsearch:8.17.0"
POSTGRES = "postgres:17.6"
REDIS = "redis:7.2.11"
OWNER, WORKSPACE = "owner", "reviews"
PORT = 6900
"""Argilla's own, inside its container."""

_READY = f"import urllib.request as r; r.urlopen('http://127.0.0.1:{PORT}/api/v1/status', timeout=5)"
_STAYS = {"restart": "unless-stopped", "logging": {"driver": "local"}}
"""The driver `local` rotates its files; Docker's default one fills the disk."""


def document(host_port: int) -> dict[str, Any]:
    """The compose file as plain values. It holds no secret: they come from the variables of `.env`."""
    setup = {
        "image": ARGILLA,
        "command": ["python", "-c", _escaped(Path(__file__).with_name("setup_script.py").read_text(encoding="utf-8"))],
        "environment": {
            **_argilla(),
            "TEAM_WORKSPACE": WORKSPACE,
            "TEAM_OWNER": OWNER,
            "OWNER_PASSWORD": secret("TEAM_OWNER_PASSWORD"),
            "OWNER_API_KEY": secret("TEAM_OWNER_API_KEY"),
            "ANNOTATORS": secret("TEAM_ANNOTATORS"),
        },
        "networks": ["inside"],
        "depends_on": _after("postgres"),
        "restart": "no",
    }
    return {
        "services": {
            "server": _server(host_port),
            "worker": _worker(),
            "setup": setup,
            "postgres": _postgres(),
            "elasticsearch": _elasticsearch(),
            "redis": _redis(),
        },
        "networks": {"inside": {"internal": True}, "outside": {}},
        "volumes": {"home": {}, "postgres": {}, "elasticsearch": {}, "redis": {}},
    }


def secret(name: str) -> str:
    """A variable of `.env`; compose stops with this message where it is missing or empty."""
    return f"${{{name}:?is missing in .env}}"


def _argilla() -> dict[str, str]:
    database = f"argilla:{secret('TEAM_POSTGRES_PASSWORD')}@postgres:5432/argilla"
    return {
        "ARGILLA_DATABASE_URL": f"postgresql+asyncpg://{database}",
        "ARGILLA_ELASTICSEARCH": "http://elasticsearch:9200",
        "ARGILLA_REDIS_URL": "redis://redis:6379/0",
        "ARGILLA_AUTH_SECRET_KEY": secret("TEAM_SESSION_KEY"),
        "ARGILLA_CORS_ORIGINS": "[]",
        "HF_HUB_DISABLE_TELEMETRY": "1",
    }


def _server(host_port: int) -> dict[str, Any]:
    return {
        "image": ARGILLA,
        # Not the image's own start script: that migrates, too, and would do so beside a second server.
        "command": ["python", "-m", "uvicorn", "argilla_server:app", "--host", "0.0.0.0", "--port", str(PORT)],
        "environment": _argilla(),
        "ports": [f"127.0.0.1:{host_port}:{PORT}"],
        "networks": ["inside", "outside"],
        "volumes": ["home:/var/lib/argilla"],
        "depends_on": _after("elasticsearch", "redis", "postgres", setup=True),
        "healthcheck": _healthy(["CMD", "python", "-c", _READY], starts="60s"),
        **_STAYS,
    }


def _worker() -> dict[str, Any]:
    # No health check: it serves nothing, and ends when it cannot go on.
    return {
        "image": ARGILLA,
        "command": ["python", "-m", "argilla_server", "worker"],
        "environment": _argilla(),
        "networks": ["inside", "outside"],
        "depends_on": _after("elasticsearch", "redis", "postgres", setup=True),
        **_STAYS,
    }


def _postgres() -> dict[str, Any]:
    return {
        "image": POSTGRES,
        "environment": {
            "POSTGRES_USER": "argilla",
            "POSTGRES_DB": "argilla",
            "POSTGRES_PASSWORD": secret("TEAM_POSTGRES_PASSWORD"),
        },
        "networks": ["inside"],
        "volumes": ["postgres:/var/lib/postgresql/data"],
        # By TCP: while the image makes the database, a server that is soon stopped listens on the socket alone.
        "healthcheck": _healthy(["CMD", "pg_isready", "--host=127.0.0.1", "--username=argilla"], starts="30s"),
        **_STAYS,
    }


def _elasticsearch() -> dict[str, Any]:
    health = "http://127.0.0.1:9200/_cluster/health?wait_for_status=yellow&timeout=2s"
    return {
        "image": ELASTICSEARCH,
        "environment": {
            "discovery.type": "single-node",
            "ES_JAVA_OPTS": "-Xms1g -Xmx1g",
            # No password: nothing but these containers is on its network, and no port of it is published.
            "xpack.security.enabled": "false",
        },
        "mem_limit": "2g",
        "networks": ["inside"],
        "volumes": ["elasticsearch:/usr/share/elasticsearch/data"],
        "healthcheck": _healthy(["CMD", "curl", "--silent", "--fail", health], starts="60s"),
        **_STAYS,
    }


def _redis() -> dict[str, Any]:
    return {
        "image": REDIS,
        "command": ["redis-server", "--appendonly", "yes"],
        "networks": ["inside"],
        "volumes": ["redis:/data"],
        "healthcheck": _healthy(["CMD", "redis-cli", "ping"], starts="10s"),
        **_STAYS,
    }


def _after(*healthy: str, setup: bool = False) -> dict[str, dict[str, str]]:
    waits = {"setup": {"condition": "service_completed_successfully"}} if setup else {}
    return {**waits, **{name: {"condition": "service_healthy"} for name in healthy}}


def _healthy(test: list[str], *, starts: str) -> dict[str, Any]:
    return {"test": test, "interval": "10s", "timeout": "10s", "retries": 6, "start_period": starts}


def _escaped(text: str) -> str:
    """Compose takes a single `$` for a variable."""
    return text.replace("$", "$$")
