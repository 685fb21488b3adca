"""The licence of a set: read from its parts, never made up, and not to be talked away."""

from __future__ import annotations

from collections import Counter

import pytest

from prefmill.pipelines.publishing.licence import Used, derive
from prefmill.pipelines.publishing.licences import licence_named, together
from prefmill.pipelines.publishing.terms import Terms, terms_of
from prefmill.schemas.errors import UserError


@pytest.mark.parametrize(
    ("text", "name", "asks"),
    [
        ("apache-2.0", "apache-2.0", ""),
        ("Apache 2.0", "apache-2.0", ""),
        ("Apache License", "apache-2.0", ""),
        ("MIT License", "mit", ""),
        ("CC0", "cc0-1.0", ""),
        ("cc-by-4.0", "cc-by-4.0", ""),
        ("CC BY-NC 4.0", "cc-by-nc-4.0", "nc"),
        ("cc-by-nc-sa-3.0", "cc-by-nc-sa-3.0", "nc sa"),
        ("CC-BY-SA", "cc-by-sa-4.0", "sa"),
        ("https://creativecommons.org/licenses/by-nc-nd/4.0/", "cc-by-nc-nd-4.0", "nc nd"),
        ("odbl", "odbl", "sa"),
        ("proprietary", None, ""),
        ("cc-by-evil-4.0", None, ""),
        ("", None, ""),
        (None, None, ""),
    ],
)
def test_licences_are_read_as_sources_write_them(text: str | None, name: str | None, asks: str) -> None:
    found = licence_named(text)
    assert (found.name if found else None) == name
    if found:
        flags = {"nc": found.non_commercial, "sa": found.share_alike, "nd": found.no_derivatives}
        assert [flag for flag, there in flags.items() if there] == asks.split()
        assert found.address.startswith("https://")


@pytest.mark.parametrize(
    ("names", "left"),
    [
        ("mit", "mit"),
        ("mit cc-by-4.0", "cc-by-4.0 mit"),
        ("mit cc-by-nc-4.0", "cc-by-nc-4.0"),
        ("cc-by-nc-3.0 cc-by-nc-4.0 mit", "cc-by-nc-4.0"),
        ("cc-by-sa-4.0 mit", "cc-by-sa-4.0"),
        ("cc-by-nc-sa-4.0 cc-by-nc-4.0", "cc-by-nc-sa-4.0"),
        ("cc-by-sa-4.0 cc-by-nc-4.0", None),
        ("cc-by-sa-4.0 cc-by-nc-sa-4.0", None),
        ("odbl cc-by-sa-4.0", None),
    ],
)
def test_what_several_licences_leave(names: str, left: str | None) -> None:
    licences = [one for name in names.split() if (one := licence_named(name))]
    found = together(licences)
    assert (None if found is None else " ".join(one.name for one in found)) == left


@pytest.mark.parametrize(
    ("model", "address", "maker"),
    [
        ("gpt-4o-mini", None, "OpenAI"),
        ("openai/gpt-4o", "https://openrouter.ai/api/v1", "OpenAI"),
        ("gpt4_1106_preview", None, "OpenAI"),
        ("o3-mini", None, "OpenAI"),
        ("my-finetune", "https://api.openai.com/v1", "OpenAI"),
        ("deployment-7", "https://mine.openai.azure.com/openai/v1", "OpenAI"),
        ("claude-2.1", None, "Anthropic"),
        ("gemini-2.5-pro", None, "Google (Gemini)"),
        ("meta-llama/Llama-3.1-8B-Instruct", None, "Meta (Llama 3.1 and later)"),
        ("Llama-3.3-70B", None, "Meta (Llama 3.1 and later)"),
        ("Llama-4-Scout", None, "Meta (Llama 3.1 and later)"),
        ("meta-llama/Meta-Llama-3-70B-Instruct", None, "Meta (Llama 2, Llama 3)"),
        ("meta-llama/Llama-2-70b-chat-hf", None, "Meta (Llama 2, Llama 3)"),
        ("llama-3-8b", None, "Meta (Llama 2, Llama 3)"),
        ("vicuna-13b-v1.5", None, "Meta (Llama 2, Llama 3)"),
        ("Qwen/Qwen2.5-72B-Instruct", None, "Alibaba (Qwen)"),
        ("Qwen/Qwen2.5-3B-Instruct", None, "Alibaba (Qwen research)"),
        ("Qwen/Qwen2.5-7B-Instruct", "http://localhost:8000/v1", "open"),
        ("google/gemma-2-9b-it", None, "Google (Gemma 1 to 3)"),
        ("gemma-7b-it", None, "Google (Gemma 1 to 3)"),
        ("openai/gpt-oss-120b", None, "open"),
        ("mistral-7b-instruct", None, "open"),
        ("deepseek-ai/DeepSeek-R1", None, "open"),
        ("house-model-1", None, "unknown"),
        ("not-openai.example", "https://notapi.openai.com.example.org/v1", "unknown"),
    ],
)
def test_terms_are_known_by_address_and_name(model: str, address: str | None, maker: str) -> None:
    found = terms_of(model, address)
    assert (found.maker if isinstance(found, Terms) else found) == maker


OPEN = [Used("mistral-7b-instruct")]


@pytest.mark.parametrize(
    ("seeds", "models", "names"),
    [
        ({"mit": 3}, OPEN, "mit"),
        ({"mit": 3, "cc-by-4.0": 1}, OPEN, "cc-by-4.0 mit"),
        ({"mit": 3, None: 1}, OPEN, "unknown"),
        ({None: 1}, OPEN, "unknown"),
        ({"mit": 3, "cc-by-nc-4.0": 1}, OPEN, "cc-by-nc-4.0"),
        ({"mit": 3}, [Used("gpt-4o")], "other"),
        ({"cc-by-nc-4.0": 3}, [Used("gpt-4o")], "cc-by-nc-4.0"),
        ({"mit": 3}, [Used("Llama-3.1-8B")], "mit"),
        ({"mit": 3}, [Used("Qwen2.5-3B-Instruct")], "other"),
        ({"cc-by-sa-4.0": 3, "cc-by-nc-4.0": 1}, OPEN, "other"),
    ],
)
def test_a_licence_is_derived(seeds: dict[str | None, int], models: list[Used], names: str) -> None:
    found = derive(Counter(seeds), models)
    assert " ".join(found.names) == names
    assert not found.stated
    assert sum(found.seeds.values()) == sum(seeds.values())


def test_restrictions_name_their_source_and_where_to_read_it() -> None:
    seeds: Counter[str | None] = Counter({"CC BY-NC 4.0": 7, "mit": 2, None: 1})
    found = derive(seeds, [Used("gpt-4o"), Used("gpt-4o-mini"), Used("gpt-4o"), Used("house-model-1")])
    assert [(one.source, one.effect, one.rows) for one in found.restrictions] == [
        ("cc-by-nc-4.0", "non_commercial", ("7 examples",)),
        ("OpenAI", "no_competing_models", ("gpt-4o", "gpt-4o-mini")),
    ]
    assert all(one.address.startswith("https://") for one in found.restrictions)
    assert found.unknown_terms == ("house-model-1",)
    assert found.seeds == {"CC BY-NC 4.0": 7, "mit": 2, "unknown": 1}


@pytest.mark.parametrize(
    ("seeds", "models", "stated", "why"),
    [
        ({"cc-by-nc-4.0": 1}, OPEN, "apache-2.0", "no commercial use"),
        ({"cc-by-nc-4.0": 1, None: 5}, OPEN, "mit", "no commercial use"),
        ({"mit": 1}, [Used("gpt-4o")], "mit", "compete with OpenAI"),
        ({"mit": 1}, [Used("x", "https://api.openai.com/v1")], "cc-by-4.0", "compete with OpenAI"),
        ({"mit": 1}, [Used("gpt-4o")], "our-own-licence", "compete with OpenAI"),
        ({"cc-by-sa-4.0": 1}, OPEN, "cc-by-4.0", "same licence"),
        ({"cc-by-nd-4.0": 1}, OPEN, "mit", "must not be passed on"),
        ({"cc-by-sa-4.0": 1, "cc-by-nc-4.0": 1}, OPEN, "cc-by-nc-4.0", "exclude each other"),
    ],
)
def test_a_licence_that_grants_too_much_is_refused(
    seeds: dict[str | None, int], models: list[Used], stated: str, why: str
) -> None:
    with pytest.raises(UserError, match=rf"publish\.license: '{stated}' contradicts.*{why}") as told:
        derive(Counter(seeds), models, stated)
    assert "\n" not in str(told.value)


@pytest.mark.parametrize(
    ("seeds", "models", "stated"),
    [
        ({"mit": 1}, OPEN, "cc-by-nc-4.0"),
        ({None: 1}, OPEN, "apache-2.0"),
        ({"mit": 1}, [Used("gpt-4o")], "cc-by-nc-4.0"),
        ({"mit": 1}, [Used("gpt-4o")], "other"),
        ({"cc-by-sa-4.0": 1, "mit": 1}, OPEN, "cc-by-sa-4.0"),
        ({"mit": 1}, [Used("Llama-3.1-8B")], "mit"),
        ({"cc-by-sa-4.0": 1, "cc-by-nc-4.0": 1}, OPEN, "other"),
        ({"mit": 1}, OPEN, "our-own-licence"),
    ],
)
def test_a_licence_that_fits_is_taken(seeds: dict[str | None, int], models: list[Used], stated: str) -> None:
    found = derive(Counter(seeds), models, stated)
    assert (found.names, found.stated) == ((stated,), True)
