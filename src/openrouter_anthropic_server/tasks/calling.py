"""Steps that call the upstream for a whole answer, and bring that into the form of a Message."""

import orjson

from openrouter_anthropic_server.conversion.json_text import dump_json
from openrouter_anthropic_server.conversion.upstream_errors import error_from_response
from openrouter_anthropic_server.errors import GatewayError, UpstreamError
from openrouter_anthropic_server.openai_types.chat import ChatCompletion
from openrouter_anthropic_server.orchestration.task import task
from openrouter_anthropic_server.ports.messages_backend import MessagesAnswer, MessagesCall
from openrouter_anthropic_server.ports.model_routes import ChatRoute, MessagesRoute, Route
from openrouter_anthropic_server.streaming.completion import message_from_completion
from openrouter_anthropic_server.streaming.signature_tap import signatures_of
from openrouter_anthropic_server.tasks.assembling import new_assembler
from openrouter_anthropic_server.tasks.message_call import ChatCall, MessageAnswer, MessageCall, Outcome

STRANGE = (AttributeError, KeyError, TypeError, ValueError)
"""What reading an answer raises where a value has another type than any known one."""


@task(name="call_backend")
async def call_messages_backend(call: MessageCall, route: MessagesRoute, request: MessagesCall) -> MessagesAnswer:
    """The answer of an upstream on the messages wire."""
    answer = await route.backend.send(request)
    call.forward(answer.headers)
    return answer


@task(name="call_backend")
async def call_chat_backend(call: MessageCall, route: ChatRoute, request: ChatCall) -> ChatCompletion:
    """The answer of an upstream on the chat wire."""
    answer = await route.backend.complete(request.body)
    call.forward(answer.headers)
    return answer.completion


@task(name="convert_response")
def read_answer(route: MessagesRoute, answer: MessagesAnswer) -> MessageAnswer:
    """The upstream's Message, byte for byte, with what it says of itself; an error under a 200 is raised."""
    try:
        message = orjson.loads(answer.body)
    except orjson.JSONDecodeError:
        raise UpstreamError("the upstream's answer is not JSON") from None
    if isinstance(message, dict) and message.get("error"):
        raise cleaned(error_from_response(200, {}, answer.body), route)
    if not isinstance(message, dict) or message.get("type") != "message":
        raise UpstreamError("the upstream's answer is not a message")
    outcome = Outcome(message.get("model"), message.get("stop_reason"), message.get("usage"))
    return MessageAnswer(answer.body, outcome, signatures_of(message.get("content")))


@task(name="convert_response")
def convert_response(
    call: MessageCall, route: ChatRoute, request: ChatCall, completion: ChatCompletion, input_tokens: int
) -> MessageAnswer:
    """A chat completion as a Message; `input_tokens` is an estimate for an upstream that counts none."""
    try:
        model = completion.get("model") or route.model
        message = message_from_completion(completion, new_assembler(call, model, request, input_tokens))
    except STRANGE as error:
        raise strange_answer() from error
    except GatewayError as error:
        raise cleaned(error, route) from None
    outcome = Outcome(message["model"], message["stop_reason"], message["usage"], not completion.get("usage"))
    return MessageAnswer(dump_json(message), outcome, signatures_of(message["content"]))


def strange_answer() -> UpstreamError:
    """The upstream's answer holds a value of another type than any known one: its failure, not our bug."""
    return UpstreamError("the upstream's answer holds a value of an unexpected type")


def cleaned(error: GatewayError, route: Route) -> GatewayError:
    """The error, its message without the upstream's keys and addresses."""
    error.message = route.backend.redact(error.message)
    return error
