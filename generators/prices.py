"""What a model costs where its recipe does not say: the table of the package `genai-prices`, as it was installed.

Source: https://github.com/pydantic/genai-prices (MIT), one entry for each model and API address. The table is data in
the package; its updater, which would fetch a newer one, is never started. Where a price depends on the length of the
prompt, the base tier is taken: longer prompts cost more than is counted. Cached prompt tokens are counted at the full
price: they cost less. Models that are also paid by the request are left out: a price here is one of tokens.
"""

from __future__ import annotations

from decimal import Decimal
from functools import cache

from .providers import Price


@cache
def listed(base_url: str, model: str) -> Price | None:
    """The price of a model at an endpoint, as of today; None where the table knows no such endpoint or model.

    An endpoint of one's own is in no table: its calls are priced neither like those of the model's maker, nor at 0.
    """
    # Imported here: the table takes a third of a second to load.
    from genai_prices import Usage, calc_price

    try:
        found = calc_price(Usage(input_tokens=0, output_tokens=0), model, provider_api_url=base_url)
    except LookupError:
        return None
    prices = found.model_price.__dict__
    prompt, reply = _base(prices.get("input_mtok")), _base(prices.get("output_mtok"))
    if prompt is None or reply is None or prices.get("requests_kcount") is not None:
        return None
    return Price(input=prompt, output=reply)


def _base(price: object) -> float | None:
    """USD for a million tokens: the price itself, or the one of its base tier; None where there is none."""
    price = getattr(price, "base", price)
    return float(price) if isinstance(price, Decimal) else None
