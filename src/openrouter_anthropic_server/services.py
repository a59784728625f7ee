"""The services that workflows are given: one frozen bundle, every value behind a Protocol."""

from dataclasses import dataclass

from openrouter_anthropic_server.ports.model_catalog import ModelCatalog
from openrouter_anthropic_server.ports.model_routes import ModelRoutes
from openrouter_anthropic_server.ports.run_records import RunSink
from openrouter_anthropic_server.ports.token_counter import TokenCounter


@dataclass(frozen=True, slots=True)
class Services:
    """What a request can need. `backend_name` is the configured backend, in lower case."""

    backend_name: str
    routes: ModelRoutes
    token_counter: TokenCounter
    catalog: ModelCatalog
    runs: RunSink
