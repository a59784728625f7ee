"""Fixtures of the tests in this folder."""

from tests.gateway_fixtures import anthropic_line, chat_line, demo, gateways, http, line, messages_line

__all__ = ["anthropic_line", "chat_line", "demo", "gateways", "http", "line", "messages_line"]
