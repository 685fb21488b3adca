"""Whether an Argilla server answers at an address. Nothing but the standard library, since it is asked often."""

from __future__ import annotations

import http.client
import json
from urllib.parse import urlsplit

WITHIN_S = 2.0


def is_ready(url: str) -> bool:
    """Whether `GET /api/v1/version` is answered as argilla-server answers it."""
    address = urlsplit(url)
    connection = http.client.HTTPConnection(address.hostname or "", address.port, timeout=WITHIN_S)
    try:
        connection.request("GET", "/api/v1/version")
        reply = connection.getresponse()
        return reply.status == 200 and "version" in json.loads(reply.read())
    except (OSError, http.client.HTTPException, ValueError):
        return False
    finally:
        connection.close()
