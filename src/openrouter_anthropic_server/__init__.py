"""An Anthropic Messages API server for OpenRouter models, where every request is a Prefect run."""

__version__ = "0.1.0"
