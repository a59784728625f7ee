"""LiteLLM, the only module that imports it: loaded with the first request, kept offline and quiet.

LiteLLM is a large library (1.7 s and 150 MB to import), reads many variables of the environment and logs what it
sends. Here it is told everything that matters with each call, and none of the rest.
"""

import asyncio
import importlib
import logging
import os
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import httpx

from openrouter_anthropic_server.conversion.litellm_errors import error_from_litellm
from openrouter_anthropic_server.errors import GatewayError, InternalError

Call = dict[str, Any]
"""The arguments of `litellm.acompletion`."""

Hooks = dict[str, list[Callable[[httpx.Response], Awaitable[None]]]]
"""Event hooks of httpx."""

_ENVIRONMENT: Mapping[str, str] = {
    "LITELLM_MODE": "PRODUCTION",  # otherwise it loads `.env` files of the working directory into our environment
    "LITELLM_LOCAL_MODEL_COST_MAP": "True",
    "LITELLM_LOCAL_ANTHROPIC_BETA_HEADERS": "True",
    "LITELLM_LOCAL_BLOG_POSTS": "True",
    "LITELLM_LOG": "CRITICAL",
    "HF_HUB_OFFLINE": "1",
}
"""What it reads while it is imported. Everything here keeps it from the network or from the log."""

_HIDDEN = (
    "OPENAI_ORGANIZATION",
    "OPENAI_ORG_ID",
    "OPENAI_PROJECT_ID",
    "OPENAI_CUSTOM_HEADERS",
    "OPENAI_ADMIN_KEY",
    "AZURE_AD_TOKEN",
    "AZURE_OPENAI_AD_TOKEN",
    "AWS_PROFILE_NAME",
    "AWS_ROLE_NAME",
    "AWS_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN",
    "AIOHTTP_TRUST_ENV",
    "DISABLE_AIOHTTP_TRANSPORT",
    "LITELLM_HTTP2",
)
"""What LiteLLM and OpenAI's SDK read later, and cannot be told to ignore: other accounts and credentials than those of
the settings, which they would prefer or add, and transports that obey the proxies of the environment.
"""

_UNSAID: Mapping[str, Mapping[str, str]] = {"bedrock": {"aws_session_token": ""}}
"""Arguments of calls to a provider, unless they have others. With a token, and be it empty, the keys are used as they
are; without one boto3 reads the profiles of the user first, and fails where AWS_PROFILE names none of them.
"""

_ON_FIRST_USE = (
    "openai.lib.streaming.chat",
    "openai.resources.chat",
    "litellm._service_logger",
    "litellm.integrations.generic_api.generic_api_callback",
    "litellm.integrations.prometheus_services",
    "litellm.litellm_core_utils.default_encoding",
    "litellm.llms.azure.azure",
    "litellm.llms.azure.chat.gpt_5_transformation",
    "litellm.llms.azure.chat.o_series_transformation",
    "litellm.llms.bedrock.chat.chat_completions.transformation",
    "litellm.llms.bedrock.chat.converse_handler",
    "litellm.llms.bedrock.chat.converse_transformation",
    "litellm.llms.bedrock.chat.invoke_transformations.amazon_nova_transformation",
    "litellm.llms.cohere.chat.transformation",
    "litellm.llms.cohere.chat.v2_transformation",
    "litellm.llms.edenai.chat.transformation",
    "litellm.llms.fal_ai.chat.transformation",
    "litellm.llms.fal_ai.cost_calculator",
    "litellm.llms.gemini.chat.transformation",
    "litellm.llms.litellm_proxy.chat.transformation",
    "litellm.llms.mistral.chat.transformation",
    "litellm.llms.openai_like.dynamic_config",
    "litellm.llms.openrouter.chat.transformation",
    "litellm.llms.vertex_ai.context_caching.vertex_ai_context_caching",
    "litellm.llms.vertex_ai.vertex_ai_partner_models.anthropic.transformation",
    "litellm.proxy.guardrails.exception_utils",
    "litellm.proxy.openai_files_endpoints.common_utils",
)
"""What LiteLLM and OpenAI's SDK import in the middle of a first call: there it would hold up every other request."""

_CONNECT_SECONDS = 10.0
_TAKE_NO_CLIENT = frozenset({"cohere_chat"})  # for these LiteLLM uses its own, whatever it is given
_CALLBACKS = ("input_callback", "success_callback", "failure_callback", "service_callback", "callbacks")
_LOGGERS = ("LiteLLM", "LiteLLM Router", "LiteLLM Proxy", "litellm")


@dataclass(frozen=True, slots=True)
class LiteLlmAnswer:
    """A completion in LiteLLM's terms, as dictionaries, and the headers of the upstream's answer."""

    completion: dict[str, Any]
    headers: Mapping[str, str]


class LiteLlmStream:
    """An open stream of LiteLLM's; `aclose` drops the connection at once."""

    def __init__(self, wrapper: Any) -> None:
        self._wrapper = wrapper
        self._source = wrapper.completion_stream  # the wrapper forgets it when it is closed
        self.headers: Mapping[str, str] = dict(getattr(wrapper, "_response_headers", None) or {})

    async def wire(self) -> AsyncIterator[bytes]:
        """The bytes of the answer itself, which nothing of LiteLLM's has read.

        Its own reading of chat completions loses chunks that hold only a signature, takes the word "[DONE]" in a
        text for the end of the stream and an error for a stop.
        """
        response = getattr(self._source, "http_response", None) or getattr(self._source, "response", None)
        if response is None:
            raise InternalError("LiteLLM gives no access to the upstream's answer.")
        async for data in response.aiter_bytes():
            yield data

    async def aclose(self) -> None:
        """Close the connection. Safe to call twice."""
        await self._wrapper.aclose()


@contextmanager
def translated_failures(secrets: Sequence[str]) -> Iterator[None]:
    """Whatever LiteLLM raises in here is raised as a `GatewayError`: a library of its size raises everything."""
    try:
        yield
    except GatewayError:
        raise
    except Exception as error:
        raise error_from_litellm(error, secrets=secrets) from None


class LiteLlm:
    """LiteLLM as one process uses it. Its exceptions pass; see `translated_failures`.

    It never makes an HTTP client of its own: those would follow redirects with the key, outlive their event loop, and
    hold that up while they read the system's certificates.
    """

    def __init__(self) -> None:
        self._lock = asyncio.Lock()
        self._library: Any = None
        self._http: Any = None
        self._clients: dict[tuple[object, ...], Any] = {}

    async def complete(self, call: Call) -> LiteLlmAnswer:
        """One answer."""
        answer = await self._acompletion(call | {"client": await self._client(call)})
        return LiteLlmAnswer(answer.model_dump(), _headers(answer))

    async def open_stream(self, call: Call) -> LiteLlmStream:
        """One stream of an upstream that speaks chat completions."""
        return LiteLlmStream(await self._acompletion(call | {"client": await self._client(call), "stream": True}))

    async def raw(self, call: Call, hooks: Hooks) -> Any:
        """LiteLLM's own answer or stream, over a connection that shows `hooks` each HTTP response."""
        library = await self._loaded()
        provider = call["model"].partition("/")[0]
        call = {**_UNSAID.get(provider, {}), **call}
        key = ("hooks", id(hooks), call["timeout"])  # for some providers the client's own timeout counts
        if key not in self._clients:
            self._clients[key] = await asyncio.to_thread(_http_client, call["timeout"], hooks)
        if provider not in _TAKE_NO_CLIENT:
            return await self._acompletion(call | {"client": self._clients[key]})
        own = _own_client(library, provider)
        own.client.event_hooks, own.client.follow_redirects = hooks, False
        self._clients[(provider,)] = own
        return await self._acompletion(call)

    async def post(self, url: str, body: bytes, headers: Mapping[str, str], timeout_seconds: float) -> httpx.Response:
        """Post `body` with LiteLLM's HTTP client; the answer is not read yet, whatever its status is.

        `timeout_seconds` is the longest silence.
        """
        await self._loaded()
        client = self._http.client
        timeout = httpx.Timeout(timeout_seconds, connect=_CONNECT_SECONDS)
        request = client.build_request("POST", url, content=body, headers=dict(headers), timeout=timeout)
        response: httpx.Response = await client.send(request, stream=True)
        return response

    async def aclose(self) -> None:
        """Close every connection."""
        for client in (self._http, *self._clients.values()):
            if client is not None:
                await client.close()

    async def _acompletion(self, call: Call) -> Any:
        library = await self._loaded()
        # Otherwise it collects each answer, copies it and works out its price, for callbacks that nobody has set.
        token = library._internal_context.is_internal_call.set(True)
        try:
            return await library.acompletion(**call)
        finally:
            library._internal_context.is_internal_call.reset(token)

    async def _client(self, call: Call) -> Any:
        """The client that LiteLLM wants for this provider: its own, or OpenAI's SDK over the same connections."""
        await self._loaded()
        make = _SDK_CLIENTS.get(call["model"].partition("/")[0])
        if make is None:
            return self._http
        key = (make, call["api_base"], call["api_key"])
        if key not in self._clients:
            self._clients[key] = await asyncio.to_thread(make, call, self._http.client)
        return self._clients[key]

    async def _loaded(self) -> Any:
        """The library; importing it takes seconds, so a thread does it while other requests go on."""
        if self._library is None:
            async with self._lock:
                if self._library is None:
                    library = await asyncio.to_thread(_load)
                    self._http = await asyncio.to_thread(_http_client)
                    self._library = library
        return self._library


def _load() -> Any:
    os.environ.update(_ENVIRONMENT)  # noqa: TID251 - it reads these while it is imported, and nothing else sets them
    for name in _HIDDEN:
        os.environ.pop(name, None)  # noqa: TID251 - no setting of this server is among them
    warnings.filterwarnings("ignore", "Item '.*' on TypedDict class", UserWarning)  # of its types, amid our log
    import litellm  # noqa: PLC0415 - on first use

    litellm.suppress_debug_info = True
    litellm.set_verbose = False
    litellm.telemetry = False
    litellm.drop_params = False
    litellm.num_retries = 0
    litellm.disable_hf_tokenizer_download = True
    litellm.disable_aiohttp_trust_env = True  # no proxies of the environment, as for the direct upstreams
    litellm.disable_streaming_logging = True
    for name in _LOGGERS:
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.disabled = True
    for name in _ON_FIRST_USE:
        importlib.import_module(name)
    for name in _CALLBACKS:  # one of the imports sets one, and it costs a thread's work per call
        getattr(litellm, name).clear()
    return litellm


def _http_client(timeout_seconds: float | None = None, hooks: Hooks | None = None) -> Any:
    from litellm.llms.custom_httpx.http_handler import AsyncHTTPHandler  # noqa: PLC0415

    return AsyncHTTPHandler(timeout=timeout_seconds, event_hooks=hooks, follow_redirects=False)


def _own_client(library: Any, provider: str) -> Any:
    """The client that LiteLLM makes and keeps for a provider, one for each event loop."""
    from litellm.llms.custom_httpx.http_handler import get_async_httpx_client  # noqa: PLC0415

    return get_async_httpx_client(library.LlmProviders(provider), params={"ssl_verify": None})


def _openai_client(call: Call, http: httpx.AsyncClient) -> Any:
    from openai import AsyncOpenAI  # noqa: PLC0415

    return AsyncOpenAI(api_key=call["api_key"], base_url=call["api_base"], http_client=http, max_retries=0)


def _azure_client(call: Call, http: httpx.AsyncClient) -> Any:
    from openai import AsyncAzureOpenAI  # noqa: PLC0415

    return AsyncAzureOpenAI(
        api_key=call["api_key"],
        azure_endpoint=call["api_base"],
        api_version=call["api_version"],
        http_client=http,
        max_retries=0,
    )


_SDK_CLIENTS: Mapping[str, Callable[[Call, httpx.AsyncClient], Any]] = {
    "openai": _openai_client,
    "azure": _azure_client,
}
"""Providers that LiteLLM talks to with OpenAI's SDK."""


def _headers(answer: Any) -> Mapping[str, str]:
    hidden = getattr(answer, "_hidden_params", None) or {}
    return hidden.get("headers") or {}
