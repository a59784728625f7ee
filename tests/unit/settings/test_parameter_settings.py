"""Defaults of parameters and the effort of aliases, from the environment."""

from typing import Any

import pytest

from openrouter_anthropic_server.settings import SettingError, all_settings_names, load_settings
from openrouter_anthropic_server.settings.models import ModelAlias
from openrouter_anthropic_server.settings.parameters import default_parameters


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in all_settings_names():
        monkeypatch.delenv(name, raising=False)


def defaults() -> Any:
    settings = load_settings(None)
    return default_parameters(settings.openrouter_parameters, settings.openai_parameters)


@pytest.mark.parametrize(
    ("setting", "text", "name", "value"),
    [
        ("OPENROUTER_MIN_P", "0.1", "min_p", 0.1),
        ("OPENROUTER_TOP_A", "1", "top_a", 1),
        ("OPENROUTER_REPETITION_PENALTY", " 1.1 ", "repetition_penalty", 1.1),
        ("OPENROUTER_TEMPERATURE_RANGE", "[0.2, 0.9]", "temperature_range", [0.2, 0.9]),
        ("OPENROUTER_PROVIDER", '{"order": ["anthropic"]}', "provider", {"order": ["anthropic"]}),
        ("OPENROUTER_TRANSFORMS", "[]", "transforms", []),
        ("OPENROUTER_ROUTE", "fallback", "route", "fallback"),
        ("OPENAI_FREQUENCY_PENALTY", "-2", "frequency_penalty", -2),
        ("OPENAI_PRESENCE_PENALTY", "0.5", "presence_penalty", 0.5),
        ("OPENAI_SEED", "0", "seed", 0),
        ("OPENAI_USER", "12", "user", "12"),
        ("OPENAI_LOGIT_BIAS", '{"50256": -100}', "logit_bias", {"50256": -100}),
    ],
)
def test_a_setting_becomes_a_default(
    monkeypatch: pytest.MonkeyPatch, setting: str, text: str, name: str, value: Any
) -> None:
    assert defaults() == {}
    monkeypatch.setenv(setting, text)
    assert defaults() == {name: value}
    monkeypatch.setenv(setting, " ")
    assert defaults() == {}


@pytest.mark.parametrize(
    ("setting", "text", "message"),
    [
        ("OPENROUTER_MIN_P", "2", "must be a number between 0 and 1"),
        ("OPENROUTER_TOP_A", "much", "must be a number between 0 and 1, written as JSON"),
        ("OPENROUTER_REPETITION_PENALTY", "-1", "must be a number between 0 and 2"),
        ("OPENROUTER_TEMPERATURE_RANGE", "[1, 0]", "must be two numbers [low, high] between 0 and 2, low first"),
        ("OPENROUTER_PROVIDER", '{"sort": "luck"}', "sort: must be one of price, throughput, latency or an object"),
        ("OPENROUTER_TRANSFORMS", '["middle"]', "0: must be one of middle-out"),
        ("OPENROUTER_ROUTE", "fastest", "must be one of fallback, sort"),
        ("OPENAI_FREQUENCY_PENALTY", "3", "must be a number between -2 and 2"),
        ("OPENAI_PRESENCE_PENALTY", "true", "must be a number between -2 and 2"),
        ("OPENAI_SEED", "1.5", "must be a whole number of at most 64 bits"),
        (
            "OPENAI_LOGIT_BIAS",
            '{"1": 1000}',
            "must be an object of numbers of tokens whose values are each a number between -100 and 100",
        ),
    ],
)
def test_a_bad_one_stops_the_start_by_name_and_range(
    monkeypatch: pytest.MonkeyPatch, setting: str, text: str, message: str
) -> None:
    monkeypatch.setenv(setting, text)

    with pytest.raises(SettingError) as refusal:
        load_settings(None)

    assert str(refusal.value) == f"{setting}: {message}"


def test_an_alias_is_a_name_or_an_object_with_an_effort(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODEL_ALIASES", '{"a": "x/y", "b": {"model": "x/z", "effort": "max"}, "c": {"model": "q"}}')

    assert load_settings(None).models.model_aliases == {
        "a": ModelAlias("x/y"),
        "b": ModelAlias("x/z", "max"),
        "c": ModelAlias("q"),
    }


@pytest.mark.parametrize(
    ("aliases", "message"),
    [
        ('{"a": {"model": "x", "efort": "low"}}', "'a': unknown key 'efort', known are model and effort"),
        ('{"a": {"model": "x", "effort": "huge"}}', "'a': effort must be one of low, medium, high, xhigh, max"),
        ('{"a": {"effort": "low"}}', "'a': must be a model name, or an object with a model and an effort"),
        ('{"a": ""}', "'a': must be a model name, or an object with a model and an effort"),
        ('{"a": 5}', "'a': must be a model name, or an object with a model and an effort"),
    ],
)
def test_a_bad_alias_is_named(monkeypatch: pytest.MonkeyPatch, aliases: str, message: str) -> None:
    monkeypatch.setenv("MODEL_ALIASES", aliases)

    with pytest.raises(SettingError) as refusal:
        load_settings(None)

    assert str(refusal.value) == f"MODEL_ALIASES: {message}"
