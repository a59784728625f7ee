"""Opens the services: the only package that names concrete classes."""

from openrouter_anthropic_server.wiring.capability_table import capability_table
from openrouter_anthropic_server.wiring.opening import open_services
from openrouter_anthropic_server.wiring.recording import recording_problem
from openrouter_anthropic_server.wiring.upstreams import chosen_backend

__all__ = ["capability_table", "chosen_backend", "open_services", "recording_problem"]
