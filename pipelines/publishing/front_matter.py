"""The front matter of the card, which the Hub and `load_dataset` read.

Source: https://github.com/huggingface/hub-docs/blob/main/datasetcard.md and, for configurations,
https://huggingface.co/docs/hub/datasets-manual-configuration.
"""

from __future__ import annotations

from typing import Any

from .licences import OTHER
from .told import Told

_SIZES = (("n<1K", 10**3), ("1K<n<10K", 10**4), ("10K<n<100K", 10**5), ("100K<n<1M", 10**6), ("1M<n<10M", 10**7),
          ("10M<n<100M", 10**8))  # fmt: skip


def front_matter(told: Told) -> dict[str, Any]:
    """What the Hub reads."""
    names = told.licence.names
    matter: dict[str, Any] = {"pretty_name": told.manifest["name"]}
    matter["license"] = names[0] if len(names) == 1 else list(names)
    if names == (OTHER,):
        matter |= {"license_name": "see-the-card", "license_link": f"{told.address}#licence"}
    if told.recipe.publish and told.recipe.publish.language:
        matter["language"] = list(told.recipe.publish.language)
    tags = ["prefmill", "llm-as-a-judge", "preference", "synthetic", *(["simulated"] if told.simulated else [])]
    matter["tags"] = list(dict.fromkeys([*tags, *(one.plugin.plugin_name() for one in told.written if one.rows)]))
    matter["size_categories"] = [size_category(told.seen.examples)]
    configs: dict[str, list[dict[str, str]]] = {}
    for split, _ in told.splits:
        configs.setdefault(split.config, []).append({"split": split.split, "path": split.path})
    listed = [{"config_name": name, "data_files": files} for name, files in configs.items()]
    matter["configs"] = [{**config, "default": True} if not place else config for place, config in enumerate(listed)]
    return matter


def size_category(rows: int) -> str:
    """The Hub's name for a size."""
    return next((name for name, limit in _SIZES if rows < limit), "100M<n<1B")
