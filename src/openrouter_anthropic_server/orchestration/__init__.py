"""The bridge to Prefect: flows and tasks that Prefect knows and that run at proxy speed when recorded."""

from openrouter_anthropic_server.orchestration.flow import Flow, flow
from openrouter_anthropic_server.orchestration.log_sink import LogSink
from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, current_run, open_run
from openrouter_anthropic_server.orchestration.task import Task, task

__all__ = ["Flow", "LogSink", "RecordedRun", "Task", "current_run", "flow", "open_run", "task"]
