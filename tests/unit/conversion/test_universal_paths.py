"""Errors name the fields of the client's form."""

import pytest

from openrouter_anthropic_server.conversion.universal_forms import InputForm
from openrouter_anthropic_server.conversion.universal_paths import in_words_of


@pytest.mark.parametrize(
    ("form", "message", "told"),
    [
        ("google_gemini", "max_tokens: too many", "generationConfig.maxOutputTokens: too many"),
        ("google_gemini", "stop_sequences.3: odd: x", "generationConfig.stopSequences.3: odd: x"),
        ("openai_chat", "stop_sequences: odd", "stop: odd"),
        ("openai_chat", "output_config.effort: odd", "reasoning_effort: odd"),
        ("openai_chat", "max_tokens: odd", "max_tokens: odd"),
        ("anthropic_messages", "stop_sequences: odd", "stop_sequences: odd"),
        ("google_gemini", "messages.1.content: odd", "messages.1.content: odd"),
        ("google_gemini", "no field", "no field"),
    ],
)
def test_field_at_the_head_has_the_clients_name(form: InputForm, message: str, told: str) -> None:
    assert in_words_of(form, message) == told
