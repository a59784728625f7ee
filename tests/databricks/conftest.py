"""Fixtures of the tests in this folder."""

from tests.databricks.workspaces import chat, endpoints, messages, started, workspace

__all__ = ["chat", "endpoints", "messages", "started", "workspace"]
