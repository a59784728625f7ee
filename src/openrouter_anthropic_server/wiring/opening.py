"""Opens all services of one process."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from openrouter_anthropic_server.backends.token_counter import TiktokenCounter
from openrouter_anthropic_server.conversion.parameter_defaults import ParameterDefaults
from openrouter_anthropic_server.services import Services
from openrouter_anthropic_server.settings import Settings
from openrouter_anthropic_server.settings.parameters import default_parameters
from openrouter_anthropic_server.wiring.capability_table import capability_table
from openrouter_anthropic_server.wiring.recording import open_recording, spool_max_bytes
from openrouter_anthropic_server.wiring.signature_origins import open_signature_origins
from openrouter_anthropic_server.wiring.upstreams import chosen_backend, open_upstreams

_WARM_AFTER_SECONDS = 1.0


@asynccontextmanager
async def open_services(settings: Settings) -> AsyncIterator[Services]:
    """The services for these settings; they are closed at the end."""
    capabilities = await asyncio.to_thread(capability_table, settings)  # from then on it is known
    async with (
        open_recording(settings) as (runs, directory, spool),  # the first to open: closed after the last request
        open_signature_origins(settings) as signature_origins,
        _token_counter() as token_counter,
        open_upstreams(settings) as (routes, providers, catalog),
    ):
        yield Services(
            backend_name=chosen_backend(settings).lower(),
            routes=routes,
            providers=providers,
            token_counter=token_counter,
            catalog=catalog,
            signature_origins=signature_origins,
            runs=runs,
            directory=directory,
            spool=spool,
            spool_max_bytes=spool_max_bytes(settings),
            record_content=settings.recording.record_content,
            parameters=ParameterDefaults(
                default_parameters(settings.openrouter_parameters, settings.openai_parameters)
            ),
            capabilities=capabilities,
        )


@asynccontextmanager
async def _token_counter() -> AsyncIterator[TiktokenCounter]:
    """A counter that loads its tokenizer soon after the start, so that the first count need not wait for it."""
    with closing(TiktokenCounter()) as counter:
        warming = asyncio.get_running_loop().create_task(_warm_later(counter))
        yield counter
        warming.cancel()


async def _warm_later(counter: TiktokenCounter) -> None:
    await asyncio.sleep(_WARM_AFTER_SECONDS)
    await counter.warm()
