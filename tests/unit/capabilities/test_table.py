"""The capability table: entries in order, the operator's on top; the built-in one holds what is known of models."""

from pathlib import Path

import pytest

import openrouter_anthropic_server.capabilities as package
from openrouter_anthropic_server.capabilities.model_families import family_name
from openrouter_anthropic_server.capabilities.table import CapabilityTable, TableError, parse_table

BUILT_IN = (Path(package.__file__).parent / "table.toml").read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def table() -> CapabilityTable:
    return parse_table(BUILT_IN)


@pytest.mark.parametrize(
    ("spelling", "name"),
    [
        ("claude-opus-4-7", "claude-opus-4-7"),
        ("anthropic/claude-opus-4.7", "claude-opus-4-7"),
        ("anthropic/claude-opus-4.7:beta", "claude-opus-4-7"),
        ("anthropic/claude-4.7-opus", "claude-opus-4-7"),
        ("databricks-claude-opus-4-7", "claude-opus-4-7"),
        ("system.ai.claude-opus-4-7", "claude-opus-4-7"),
        ("us.anthropic.claude-opus-4-7-v1:0", "claude-opus-4-7-v1"),
        ("bedrock/global.anthropic.claude-haiku-4-5@20251001", "claude-haiku-4-5-20251001"),
        ("anthropic/claude-3.7-sonnet", "claude-sonnet-3-7"),
        ("claude-3-7-sonnet-20250219", "claude-sonnet-3-7-20250219"),
        ("OpenAI/GPT-5.1-Codex", "gpt-5-1-codex"),
        ("google/gemini-2.5-pro", "gemini-2-5-pro"),
    ],
)
def test_every_spelling_of_a_model_is_one_name(spelling: str, name: str) -> None:
    assert family_name(spelling) == name


def test_later_entries_win_field_by_field() -> None:
    table = parse_table('[a]\nmodels = ["m*"]\nmax_output = 1\nimages = false\n[b]\nmodels = ["m1"]\nmax_output = 2')
    assert (table.of("x", "chat", "m1").max_output, table.of("x", "chat", "m1").images) == (2, False)
    assert table.of("x", "chat", "m2").max_output == 1
    assert table.of("x", "chat", "other").max_output is None


def test_entries_hold_only_for_their_upstreams_and_wires() -> None:
    table = parse_table('[a]\nupstreams = ["openai"]\nwires = ["chat"]\ntools = false')
    assert not table.of("openai", "chat", "m").tools
    assert table.of("openai", "messages", "m").tools
    assert table.of("google", "chat", "m").tools


def test_an_operators_entry_of_the_same_name_holds_for_the_same_models() -> None:
    table = parse_table('[a]\nmodels = ["m1"]\nmax_output = 1\nimages = false', "[a]\nmax_output = 9")
    assert (table.of("x", "chat", "m1").max_output, table.of("x", "chat", "m1").images) == (9, False)
    assert table.of("x", "chat", "m2").max_output is None


def test_an_operators_entry_of_a_known_name_leaves_the_more_special_ones_what_they_are() -> None:
    table = parse_table(BUILT_IN, "[claude-4]\nmax_output = 1000")
    longest = {
        name: table.of("anthropic", "messages", name).max_output for name in ("claude-sonnet-4-5", "claude-opus-4-8")
    }
    assert longest == {"claude-sonnet-4-5": 1_000, "claude-opus-4-8": 128_000}


def test_a_new_entry_of_the_operator_stands_last() -> None:
    table = parse_table(BUILT_IN, '[mine]\nmodels = ["claude-*"]\nmax_output = 1000')
    assert table.of("anthropic", "messages", "claude-opus-4-8").max_output == 1_000


@pytest.mark.parametrize(
    ("model", "limits"),
    [
        ("anthropic/claude-3.7-sonnet", (("output-128k-2025-02-19", "max_output", 128_000),)),
        ("claude-opus-4-8", (("output-300k-2026-03-24", "max_output", 300_000),)),
        ("claude-haiku-4-5", ()),
    ],
)
def test_betas_raise_limits_of_some_models(
    table: CapabilityTable, model: str, limits: tuple[tuple[str, str, int], ...]
) -> None:
    assert table.of("anthropic", "messages", model).beta_limits == limits


def test_the_claudes_without_efforts_have_none_on_the_chat_wire_either(table: CapabilityTable) -> None:
    known = table.of("openrouter", "chat", "anthropic/claude-sonnet-4")
    assert known.efforts == ()
    assert set(known.thinking or ()) == {"enabled", "disabled"}


def test_any_lifts_a_limit() -> None:
    table = parse_table('[a]\nmodels = ["m"]\nsampling = []', '[a]\nsampling = "any"')
    assert table.of("x", "chat", "m").sampling is None


def test_a_beta_that_is_not_taken_takes_its_fields_along() -> None:
    table = parse_table(
        '[a]\nupstreams = ["openrouter"]\nbetas = ["one-*"]\n'
        '[beta_fields]\n"one-*" = ["first"]\n"two-*" = ["second", "a.b"]'
    )
    assert table.of("openrouter", "messages", "m").refused_fields == {"second", "a.b"}
    assert table.of("openai", "messages", "m").refused_fields == frozenset()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[a", "is not TOML"),
        ("images = true", "'images' stands outside of an entry"),
        ("[a]\nimages = true", "entry 'a': needs at least one of upstreams, wires, models"),
        ('[a]\nmodels = "m"', "entry 'a': field 'models' must be a list of texts"),
        ('[a]\nmodels = ["m"]\nimage = true', "entry 'a': unknown field 'image'"),
        ('[a]\nmodels = ["m"]\nimages = 1', "entry 'a': field 'images' must be true or false"),
        ('[a]\nmodels = ["m"]\nmax_output = true', "entry 'a': field 'max_output' must be a whole number above 0"),
        ('[a]\nmodels = ["m"]\nmax_output = 0', "entry 'a': field 'max_output' must be a whole number above 0"),
        ('[a]\nmodels = ["m"]\nefforts = ["hgih"]', "entry 'a': field 'efforts': 'hgih' is none of none, minimal"),
        ('[a]\nmodels = ["m"]\nthinking = ["enabeld"]', "entry 'a': field 'thinking': 'enabeld' is none of adaptive"),
        ('[a]\nmodels = ["m"]\nsampling = ["temprature"]', "entry 'a': field 'sampling': 'temprature' is none of"),
        ('[a]\nwires = ["message"]', "entry 'a': field 'wires': 'message' is none of messages, chat"),
        ('[a]\nupstreams = ["open_router"]', "entry 'a': field 'upstreams': 'open_router' is none of openrouter,"),
        ("[beta_limits]\nx = 3", "entry 'beta_limits': field 'x' must have models and some of context_window"),
        ('[a]\nmodels = ["m"]\nefforts = ["low", 1]', "entry 'a': field 'efforts' must be a list of texts"),
    ],
)
def test_a_bad_text_is_refused_naming_entry_and_field(text: str, message: str) -> None:
    with pytest.raises(TableError) as refused:
        parse_table(BUILT_IN, text)
    assert str(refused.value).startswith(message)


def test_answers_are_kept_but_not_without_end(table: CapabilityTable) -> None:
    first = table.of("openrouter", "chat", "openai/gpt-5")
    assert table.of("openrouter", "chat", "openai/gpt-5") is first
    for number in range(5_000):
        table.of("openrouter", "chat", f"model-{number}")
    assert table.of("openrouter", "chat", "openai/gpt-5") == first


@pytest.mark.parametrize(
    ("model", "window", "longest", "kinds", "efforts"),
    [
        ("claude-3-5-haiku-20241022", 200_000, 8_192, set(), ()),
        ("anthropic/claude-3.7-sonnet", 200_000, 64_000, {"enabled", "disabled"}, ()),
        ("claude-opus-4-1-20250805", 200_000, 32_000, {"enabled", "disabled"}, ()),
        ("claude-opus-4-20250514", 200_000, 32_000, {"enabled", "disabled"}, ()),
        ("claude-sonnet-4-5-20250929", 200_000, 64_000, {"enabled", "disabled"}, ()),
        ("claude-opus-4-5-20251101", 200_000, 64_000, {"enabled", "disabled"}, ("low", "medium", "high")),
        (
            "anthropic/claude-opus-4.6",
            1_000_000,
            128_000,
            {"adaptive", "enabled", "disabled"},
            ("low", "medium", "high", "max"),
        ),
        (
            "claude-opus-4-7-20260416",
            1_000_000,
            128_000,
            {"adaptive", "disabled", "between_tools"},
            ("low", "medium", "high", "xhigh", "max"),
        ),
        (
            "claude-opus-5-5",
            1_000_000,
            128_000,
            {"adaptive", "between_tools"},
            ("low", "medium", "high", "xhigh", "max"),
        ),
    ],
)
def test_what_is_known_of_claude(
    table: CapabilityTable, model: str, window: int, longest: int, kinds: set[str], efforts: tuple[str, ...]
) -> None:
    known = table.of("anthropic", "messages", model)
    assert (known.context_window, known.max_output, known.efforts) == (window, longest, efforts)
    assert set(known.thinking or ()) == kinds


def test_claude_takes_no_sampling_and_no_prefill_from_4_7_on(table: CapabilityTable) -> None:
    new = [table.of("anthropic", "messages", name) for name in ("claude-opus-4-7", "claude-haiku-5-5")]
    old = table.of("anthropic", "messages", "claude-sonnet-4-5")
    assert [(known.sampling, known.prefill) for known in new] == [(frozenset(), False)] * 2
    assert (old.sampling, old.prefill) == (None, True)


def test_nothing_is_claimed_of_a_claude_that_is_newer_than_this_table(table: CapabilityTable) -> None:
    known = table.of("anthropic", "messages", "claude-novel-9")
    assert (known.context_window, known.thinking, known.efforts, known.sampling) == (None, None, None, None)


@pytest.mark.parametrize(
    ("upstream", "model", "window", "longest"),
    [
        ("openai", "gpt-5", 400_000, 128_000),
        ("openai", "gpt-5.6", 1_050_000, 128_000),
        ("openai", "gpt-4.1-mini", 1_047_576, 32_768),
        ("openai", "o3", 200_000, 100_000),
        ("google", "gemini-2.5-pro", None, 65_536),
        ("cohere", "command-a-03-2025", 256_000, 8_000),
        ("mistral", "mistral-large-latest", 262_144, None),
        ("bedrock", "us.anthropic.claude-sonnet-4-6-v1:0", 1_000_000, 64_000),
        ("databricks", "databricks-claude-sonnet-4-6", 1_000_000, 64_000),
        ("openrouter", "x-ai/grok-4.5", 500_000, None),
    ],
)
def test_what_is_known_of_others(
    table: CapabilityTable, upstream: str, model: str, window: int | None, longest: int | None
) -> None:
    known = table.of(upstream, "chat", model)
    assert (known.context_window, known.max_output) == (window, longest)


def test_cohere_takes_no_images_and_a_plain_gpt_cannot_think(table: CapabilityTable) -> None:
    assert not table.of("cohere", "chat", "command-r-08-2024").images
    assert table.of("openai", "chat", "gpt-4o").thinking == frozenset()


def test_openrouter_reads_pdfs_for_every_model(table: CapabilityTable) -> None:
    assert table.of("openrouter", "chat", "cohere/command-r-08-2024").pdfs
    assert not table.of("cohere", "chat", "command-r-08-2024").pdfs


@pytest.mark.parametrize("provider", ["openai", "google", "cohere", "mistral", "bedrock"])
def test_a_few_models_of_each_provider_are_listed_and_known(table: CapabilityTable, provider: str) -> None:
    models = table.models_of(provider)
    assert models
    for model in models:
        known = table.of(provider, "chat", model)
        assert known.context_window or known.max_input, model
