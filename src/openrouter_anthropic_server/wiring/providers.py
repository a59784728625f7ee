"""Opens the providers that are reached through LiteLLM: those whose keys are set."""

import re
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from pydantic import SecretStr

from openrouter_anthropic_server.backends.litellm_chat import LiteLlmChatBackend, LiteLlmUpstream
from openrouter_anthropic_server.backends.litellm_client import LiteLlm
from openrouter_anthropic_server.backends.litellm_wire import LiteLlmWireBackend
from openrouter_anthropic_server.conversion.chat_dialects import ChatDialect
from openrouter_anthropic_server.conversion.model_names import anthropic_name_behind_prefix
from openrouter_anthropic_server.coordinators.model_routes import RenamedRoutes
from openrouter_anthropic_server.coordinators.provider_routes import ChatProvider, ProviderRoutes
from openrouter_anthropic_server.ports.model_routes import UpstreamRoutes
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.streaming.answer_forms import AnswerForm
from openrouter_anthropic_server.streaming.bedrock_answers import BEDROCK
from openrouter_anthropic_server.streaming.cohere_answers import COHERE
from openrouter_anthropic_server.streaming.gemini_answers import GEMINI
from openrouter_anthropic_server.wiring.capability_table import known_capabilities
from openrouter_anthropic_server.wiring.litellm import litellm_upstream

_USAGE: Mapping[str, Any] = {"stream_options": {"include_usage": True}}

_FORMS: Mapping[str, AnswerForm] = {"google": GEMINI, "cohere": COHERE, "bedrock": BEDROCK}
"""Providers that speak no chat completions, and the form of their answers."""

_REGION = re.compile(r"[a-z]{2}(?:-[a-z]+){1,3}-\d{1,2}")

_NEEDS: Mapping[str, str] = {
    "anthropic": "set ANTHROPIC_UPSTREAM_API_KEY",
    "openai": "set OPENAI_API_KEY",
    "google": "set GEMINI_API_KEY (or GOOGLE_API_KEY)",
    "cohere": "set COHERE_API_KEY",
    "mistral": "set MISTRAL_API_KEY",
    "azure": "set AZURE_API_KEY (or AZURE_OPENAI_API_KEY) and AZURE_API_BASE",
    "bedrock": "set AWS_REGION, and AWS_BEARER_TOKEN_BEDROCK or AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY",
}


@asynccontextmanager
async def open_providers(settings: Settings, anthropic: UpstreamRoutes | None) -> AsyncIterator[ProviderRoutes]:
    """The providers; `anthropic` are the routes of the open Anthropic upstream, which needs no LiteLLM."""
    routes: dict[str, UpstreamRoutes] = {}
    if anthropic is not None:
        routes["anthropic"] = RenamedRoutes(anthropic_name_behind_prefix, anthropic)
    async with aclosing(LiteLlm()) as litellm:
        for upstream in _upstreams(settings):
            form = _FORMS.get(upstream.name)
            backend = LiteLlmWireBackend(litellm, upstream, form) if form else LiteLlmChatBackend(litellm, upstream)
            known = known_capabilities(settings, upstream.name, "chat")
            routes[upstream.name] = ChatProvider(backend, ChatDialect(upstream.name, "litellm"), capabilities_of=known)
        yield ProviderRoutes(routes, _needs(settings))


def _needs(settings: Settings) -> Mapping[str, str]:
    """What each provider needs; a region that is none is named."""
    region = settings.bedrock.aws_region
    if not region or _REGION.fullmatch(region):
        return _NEEDS
    return {**_NEEDS, "bedrock": f"AWS_REGION is '{region}', but must be a region such as eu-central-1"}


def _upstreams(settings: Settings) -> Sequence[LiteLlmUpstream]:
    found = (_openai(settings), _google(settings), _cohere(settings), _mistral(settings), _azure(settings))
    return [upstream for upstream in (*found, _bedrock(settings)) if upstream is not None]


def _openai(settings: Settings) -> LiteLlmUpstream | None:
    options = settings.providers
    if options.openai_api_key is None:
        return None
    access = _access(options.openai_api_key, options.openai_upstream_base_url)
    return litellm_upstream(settings, "openai", "openai/", access, speaks="chat", streaming=_USAGE)


def _google(settings: Settings) -> LiteLlmUpstream | None:
    options = settings.providers
    if options.google_key is None:
        return None
    return litellm_upstream(
        settings, "google", "gemini/", _access(options.google_key, options.gemini_upstream_base_url), streaming=_USAGE
    )


def _cohere(settings: Settings) -> LiteLlmUpstream | None:
    options = settings.providers
    if options.cohere_api_key is None:
        return None
    access = _access(options.cohere_api_key, f"{options.cohere_upstream_base_url.rstrip('/')}/v2/chat")
    return litellm_upstream(settings, "cohere", "cohere_chat/", access, streaming=_USAGE)


def _mistral(settings: Settings) -> LiteLlmUpstream | None:
    options = settings.providers
    if options.mistral_api_key is None:
        return None
    access = _access(options.mistral_api_key, options.mistral_upstream_base_url)
    return litellm_upstream(settings, "mistral", "mistral/", access, speaks="chat")


def _azure(settings: Settings) -> LiteLlmUpstream | None:
    options = settings.providers
    if options.azure_key is None or options.azure_api_base is None:
        return None
    access = _access(options.azure_key, options.azure_api_base) | {"api_version": options.azure_api_version}
    return litellm_upstream(settings, "azure", "azure/", access, speaks="chat", streaming=_USAGE)


def _bedrock(settings: Settings) -> LiteLlmUpstream | None:
    options = settings.bedrock
    key, secret = options.aws_access_key_id, options.aws_secret_access_key
    access: dict[str, Any] = {"aws_region_name": options.aws_region}
    if options.aws_bearer_token_bedrock is not None:
        access["api_key"] = options.aws_bearer_token_bedrock.get_secret_value()
    elif key is not None and secret is not None:
        access |= {"aws_access_key_id": key.get_secret_value(), "aws_secret_access_key": secret.get_secret_value()}
        if options.aws_session_token is not None:
            access["aws_session_token"] = options.aws_session_token.get_secret_value()
    else:
        return None
    if not _REGION.fullmatch(options.aws_region):
        return None
    base = options.bedrock_upstream_base_url or f"https://bedrock-runtime.{options.aws_region}.amazonaws.com"
    access["aws_bedrock_runtime_endpoint"] = base
    return litellm_upstream(settings, "bedrock", "bedrock/", access, streaming=_USAGE)


def _access(key: SecretStr, base_url: str) -> dict[str, Any]:
    return {"api_key": key.get_secret_value(), "api_base": base_url.rstrip("/")}
