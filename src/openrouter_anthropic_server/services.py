"""The services that workflows are given: one frozen bundle, every value behind a Protocol."""

from dataclasses import dataclass, field

from openrouter_anthropic_server.capabilities.table import CapabilityTable, parse_table
from openrouter_anthropic_server.conversion.parameter_defaults import ParameterDefaults
from openrouter_anthropic_server.observability.provider_outcomes import ProviderOutcomes
from openrouter_anthropic_server.ports.model_catalog import ModelCatalog
from openrouter_anthropic_server.ports.model_routes import ModelRoutes
from openrouter_anthropic_server.ports.providers import Providers
from openrouter_anthropic_server.ports.run_directory import RunDirectory
from openrouter_anthropic_server.ports.run_records import RunSink
from openrouter_anthropic_server.ports.signature_origins import SignatureOrigins
from openrouter_anthropic_server.ports.spool_health import SpoolHealth
from openrouter_anthropic_server.ports.token_counter import TokenCounter


@dataclass(frozen=True, slots=True)
class Services:
    """What a request can need. `backend_name` is the configured backend, in lower case.

    `runs` takes the records of runs and `directory` finds them again; `spool` tells how their way to the disk
    fares, and is None with recording off. `record_content`: whether runs keep what was asked and answered.
    `parameters` are what requests get that do not set them;
    `capabilities` is the whole table; `provider_outcomes` counts how the providers of the universal endpoint answer.
    """

    backend_name: str
    routes: ModelRoutes
    providers: Providers
    token_counter: TokenCounter
    catalog: ModelCatalog
    signature_origins: SignatureOrigins
    runs: RunSink
    directory: RunDirectory
    spool: SpoolHealth | None
    spool_max_bytes: int
    record_content: bool
    parameters: ParameterDefaults = field(default_factory=ParameterDefaults)
    capabilities: CapabilityTable = field(default_factory=parse_table)
    provider_outcomes: ProviderOutcomes = field(default_factory=ProviderOutcomes)
