"""Runs the flows of Messages requests, each as a recorded run named by its request id."""

from collections.abc import AsyncGenerator, Iterable

from openrouter_anthropic_server.flows.create_message import create_message
from openrouter_anthropic_server.flows.stream_message import stream_message
from openrouter_anthropic_server.orchestration.recorded_run import open_run
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.tasks import content
from openrouter_anthropic_server.tasks.message_call import MessageAnswer, MessageCall


async def run_create_message(call: MessageCall, services: Services, tags: Iterable[str]) -> MessageAnswer:
    """Run the flow that answers with one JSON document."""
    _open(call, services, [*tags, "stream:false"], stream=False)
    return await create_message(call, services)


def run_stream_message(call: MessageCall, services: Services, tags: Iterable[str]) -> AsyncGenerator[bytes, None]:
    """Run the flow that answers with a stream; it starts when the first item is asked for."""
    _open(call, services, [*tags, "stream:true"], stream=True)
    return stream_message(call, services)


def _open(call: MessageCall, services: Services, tags: Iterable[str], *, stream: bool) -> None:
    run = open_run(call.request_id, services.runs, tags, keep_content=services.record_content)
    run.fact(stream=stream)
    content.keep(run, "request", call.raw)
