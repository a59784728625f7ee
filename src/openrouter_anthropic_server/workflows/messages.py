"""Answering a Messages request, whole or as a stream."""

from collections.abc import AsyncGenerator, Mapping

from openrouter_anthropic_server.conversion.session_ids import session_id_of
from openrouter_anthropic_server.conversion.validation import parse_json
from openrouter_anthropic_server.coordinators.message_runs import run_create_message, run_stream_message
from openrouter_anthropic_server.observability.labels import label, session_tag
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks.message_call import MessageAnswer, MessageCall

_SESSION_HEADERS = ("x-claude-code-session-id", "x-session-id")
_CLASS_HEADER = "x-claude-code-request-class"


def receive_message(request_id: str, raw: bytes, headers: Mapping[str, str]) -> MessageCall:
    """The request as sent; only that it is a JSON object is checked here. `headers` are lower-case."""
    return MessageCall(request_id, raw, parse_json(raw), headers)


async def create_message(call: MessageCall, services: Services) -> MessageAnswer:
    """Answer with one JSON document."""
    return await run_create_message(call, services, tags_of(call))


def stream_message(call: MessageCall, services: Services) -> AsyncGenerator[bytes, None]:
    """Answer with SSE bytes; closing the generator ends the upstream's work too."""
    return run_stream_message(call, services, tags_of(call))


def tags_of(call: MessageCall) -> list[str]:
    """Who asked: client, session, and Claude Code's class of request where it tells."""
    tags = [f"client:{_client(call.headers.get('user-agent', ''))}"]
    session = next((call.headers[name] for name in _SESSION_HEADERS if name in call.headers), None) or _session(call)
    if session:
        tags.append(session_tag(session))
    if _CLASS_HEADER in call.headers:
        tags.append(f"class:{label(call.headers[_CLASS_HEADER], 32)}")
    return tags


def _client(user_agent: str) -> str:
    return label(user_agent.split(" ", 1)[0], 64) or "unknown"


def _session(call: MessageCall) -> str | None:
    metadata = call.body.get("metadata")
    user_id = metadata.get("user_id") if isinstance(metadata, dict) else None
    return session_id_of(user_id) if isinstance(user_id, str) else None
