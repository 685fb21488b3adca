"""A key that stands in a recipe is refused, and nothing that is said repeats it."""

from pathlib import Path

import pytest

from prefmill.pipelines.recipe_reading import read_recipe
from prefmill.pipelines.recipe_secrets import written_out
from prefmill.schemas.errors import RecipeError

KEY = "zq7-pumpernickel-0042"
"""Looks like no provider's key: only its place gives it away."""

NAMED = ["api_key", "apiKey", "API-KEY", "X-Api-Key", "openai_api_key", "key", "token", "access_token", "hf_token",
         "secret", "client_secret", "password", "db_password", "Authorization", "Proxy-Authorization", "bearer",
         "credentials", "Cookie", "private_key", "Ocp-Apim-Subscription-Key"]  # fmt: skip
HARMLESS = [
    "max_tokens",
    "min_tokens",
    "eos_token",
    "stop_token_ids",
    "keys",
    "sort_key",
    "tokenizer",
    "model",
    "monkey",
]
SHAPED = [
    "sk-abcdefghijklmnop", "sk_live_abcdefghijklmnop", "hf_abcdefghijklmnopqrst", "gsk_abcdefghijklmnopqrst",
    "AIzaSyabcdefghijklmnopqrstuvwx", "AKIAABCDEFGHIJKLMNOP", "Bearer abcdefghijklmnopqrst",
    "Basic dXNlcjpwYXNzd29yZA==", "http://user:pass@host/v1", "https://user@host/v1", "http://host/v1?api_key=abc",
    "http://host/v1?a=b&token=abc",
]  # fmt: skip
PLAIN = ["http://host:8000/v1", "meta-llama/Llama-3.1-8B", "ask-me-anything-please", "sk-short", "Basic arithmetic",
         "a bearer of bad news", "someone@example.org"]  # fmt: skip


@pytest.mark.parametrize("name", NAMED)
def test_a_key_under_its_name(name: str) -> None:
    for recipe, where in (
        ({name: KEY}, name),
        ({"a": [{name: [KEY]}]}, f"a[0].{name}"),
        ({"b": {name: 12345}}, f"b.{name}"),
    ):
        lines = list(written_out(recipe))
        assert len(lines) == 1
        assert lines[0].startswith(f"{where}: ")
        assert KEY not in lines[0]
        assert "12345" not in lines[0]


@pytest.mark.parametrize("name", HARMLESS)
def test_names_that_hold_no_key(name: str) -> None:
    assert list(written_out({name: "x", "a": {name: 3}})) == []


@pytest.mark.parametrize("text", SHAPED)
def test_a_text_that_looks_like_a_key(text: str) -> None:
    lines = list(written_out({"a": {"b": [1, text]}}))
    assert len(lines) == 1
    assert lines[0].startswith("a.b[1]: this looks like a key")
    assert text not in lines[0]


@pytest.mark.parametrize("text", PLAIN)
def test_a_text_that_does_not(text: str) -> None:
    assert list(written_out({"a": {"b": [1, text]}})) == []


def test_nothing_is_no_key() -> None:
    assert list(written_out({"api_key": None, "token": "", "password": False})) == []


@pytest.mark.parametrize("variable", ["OPENAI_API_KEY", "_K2"])
def test_the_name_of_a_variable(variable: str) -> None:
    assert list(written_out({"api_key_env": variable})) == []


@pytest.mark.parametrize(
    "key", [KEY, "d41d8cd98f00b204e9800998ecf8427e", "sk-abcdefghijklmnop", "AKIAABCDEFGHIJKLMNOP"]
)
def test_a_key_in_place_of_the_variable(key: str) -> None:
    lines = list(written_out({"answers": [{"api_key_env": key}]}))
    assert len(lines) == 1
    assert lines[0].startswith("answers[0].api_key_env: name a variable, in capitals")
    assert key not in lines[0]


def test_the_value_of_a_named_variable_stands_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOME_KEY", KEY)
    lines = list(written_out({"answers": [{"api_key_env": "SOME_KEY"}], "name": f"run-{KEY}"}))
    assert [line.partition(":")[0] for line in lines] == ["name"]
    assert KEY not in lines[0]
    monkeypatch.setenv("SOME_KEY", "short")
    assert list(written_out({"answers": [{"api_key_env": "SOME_KEY"}], "name": "a-short-run"})) == []


PLACES = [
    "api_key: {key}",
    "answers: [{{provider: openai, model: m, api_key: {key}}}]",
    "answers: [{{provider: openai, model: m, api_kye: {key}}}]",
    "answers: [{{provider: openai, model: m, headers: {{Authorization: Bearer {key}}}}}]",
    "answers: [{{provider: openai, model: m, base_url: 'http://me:{key}@host/v1'}}]",
    "answers: [{{provider: openai, model: m, sampling: {{extra_body: {{api_key: {key}}}}}}}]",
    'answers: [{{provider: openai, model: m, sampling: {{extra_body: \'{{"api_key": "{key}"}}\'}}}}]',
    "answers: [{{provider: openai, model: m, api_key_env: {key}}}]",
    "nmae: {key}",
    "world: {{api_key: {key}}}",
    "tasks: {key}: x\nanswers: [",
    "x: 'unclosed {key}",
    "x: !{key} 3",
]


@pytest.mark.parametrize("place", PLACES)
def test_no_message_repeats_a_key(tmp_path: Path, place: str) -> None:
    (tmp_path / "r.yaml").write_text(place.format(key=KEY))
    with pytest.raises(RecipeError) as caught:
        read_recipe(tmp_path / "r.yaml")
    assert KEY not in str(caught.value)
