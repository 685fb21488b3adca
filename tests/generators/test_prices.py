"""Prices out of the installed table: base tiers, unknown models and servers of one's own; and no network."""

from __future__ import annotations

import subprocess
import sys

import pytest

from prefmill.generators.prices import listed
from prefmill.generators.providers import Price
from prefmill.generators.providers.openai import OpenAI
from prefmill.generators.providers.simulated import Simulated

OPENAI = "https://api.openai.com/v1"


@pytest.mark.parametrize(
    ("base_url", "model", "price"),
    [
        (OPENAI, "gpt-4o-2024-08-06", (2.5, 10)),
        (OPENAI, "gpt-4o-mini", (0.15, 0.6)),
        ("https://openrouter.ai/api/v1", "openai/gpt-4o-mini", (0.15, 0.6)),
        # Twice as dear for prompts above 200,000 tokens: the base tier.
        ("https://generativelanguage.googleapis.com/v1beta/openai", "gemini-2.5-pro", (1.25, 10)),
    ],
)
def test_listed_prices(base_url: str, model: str, price: tuple[float, float]) -> None:
    assert listed(base_url, model) == Price(input=price[0], output=price[1])


@pytest.mark.parametrize(
    ("base_url", "model"),
    [
        ("http://localhost:8000/v1", "gpt-4o"),  # A server of one's own, whatever its model is called.
        ("http://10.0.0.7:8000/v1", "meta-llama/Llama-3.1-8B-Instruct"),
        (OPENAI, "no-such-model"),
        (OPENAI, "text-embedding-3-small"),  # No price of a reply.
        ("https://api.perplexity.ai", "sonar"),  # Paid by the request too.
    ],
)
def test_no_price_is_none_and_never_zero(base_url: str, model: str) -> None:
    assert listed(base_url, model) is None
    assert OpenAI(model=model, base_url=base_url).priced() is None


def test_the_recipe_goes_before_the_table() -> None:
    mine = Price(input=0, output=0)
    assert OpenAI(model="gpt-4o-mini", price=mine).priced() == mine
    assert OpenAI(model="gpt-4o-mini").priced() == Price(input=0.15, output=0.6)
    planted = Simulated(model="sim-oak-70b").priced()
    assert planted == Price(input=0.6, output=0.8)


def test_looking_up_a_price_opens_no_connection_and_starts_no_thread() -> None:
    """In a process that would end at the first look into the network."""
    code = """
import sys, threading

def refuse(event, arguments):
    if event in ("socket.connect", "socket.getaddrinfo", "socket.bind"):
        raise SystemExit(f"{event} {arguments}")

sys.addaudithook(refuse)
from prefmill.generators.prices import listed
assert listed("https://api.openai.com/v1", "gpt-4o-mini") is not None
assert listed("http://localhost:8000/v1", "gpt-4o-mini") is None
assert threading.active_count() == 1
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_table_is_not_read_before_it_is_needed() -> None:
    code = "import sys, prefmill.generators.providers.openai; assert 'genai_prices' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)
