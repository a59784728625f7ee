"""Fields of the Messages API, as errors name them, by the names that they have in the form of the client's request."""

from collections.abc import Mapping

from openrouter_anthropic_server.conversion.universal_forms import InputForm

_CONFIG = "generationConfig"
_NAMES: Mapping[InputForm, Mapping[str, str]] = {
    "openai_chat": {
        "stop_sequences": "stop",
        "output_config.effort": "reasoning_effort",
        "output_config.format": "response_format",
        "output_config.format.schema": "response_format.json_schema.schema",
        "metadata.user_id": "user",
    },
    "google_gemini": {
        "max_tokens": f"{_CONFIG}.maxOutputTokens",
        "temperature": f"{_CONFIG}.temperature",
        "top_p": f"{_CONFIG}.topP",
        "top_k": f"{_CONFIG}.topK",
        "stop_sequences": f"{_CONFIG}.stopSequences",
        "seed": f"{_CONFIG}.seed",
        "presence_penalty": f"{_CONFIG}.presencePenalty",
        "frequency_penalty": f"{_CONFIG}.frequencyPenalty",
        "response_format": f"{_CONFIG}.responseMimeType",
        "thinking": f"{_CONFIG}.thinkingConfig",
        "thinking.budget_tokens": f"{_CONFIG}.thinkingConfig.thinkingBudget",
        "output_config.effort": f"{_CONFIG}.thinkingConfig.thinkingLevel",
        "output_config.format": f"{_CONFIG}.responseSchema",
        "output_config.format.schema": f"{_CONFIG}.responseSchema",
        "tool_choice": "toolConfig.functionCallingConfig",
    },
}


def in_words_of(form: InputForm, message: str) -> str:
    """The message with the field at its head renamed; places inside messages and tools keep their names."""
    field, colon, rest = message.partition(": ")
    names = _NAMES.get(form, {})
    if field in names:
        return f"{names[field]}{colon}{rest}"
    whole, dot, place = field.rpartition(".")
    if place.isdigit() and whole in names:
        return f"{names[whole]}{dot}{place}{colon}{rest}"
    return message
