"""How the providers have answered so far, in this process: counts and the last outcome, no content and no keys."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from openrouter_anthropic_server.errors import GatewayError


@dataclass(slots=True)
class _Outcomes:
    ok: int = 0
    failed: int = 0
    last: dict[str, Any] | None = None
    last_error: dict[str, Any] | None = None


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class ProviderOutcomes:
    """Outcomes by provider, since the start of this process. `now` is the clock."""

    now: Callable[[], datetime] = _now
    _found: dict[str, _Outcomes] = field(default_factory=dict)

    def answered(self, provider: str) -> None:
        """A whole answer came."""
        outcomes = self._of(provider)
        outcomes.ok += 1
        outcomes.last = {"outcome": "ok", "at": self._time()}

    def failed(self, provider: str, error: GatewayError) -> None:
        """The provider failed, or refused its caller."""
        outcomes = self._of(provider)
        outcomes.failed += 1
        told = {"outcome": "error", "at": self._time(), "error_type": error.type, "status": error.status}
        outcomes.last = outcomes.last_error = told

    def shown(self, provider: str) -> dict[str, Any]:
        """What is known of one provider; without any outcome yet, zeros and nulls."""
        outcomes = self._found.get(provider) or _Outcomes()
        return {
            "answers": outcomes.ok,
            "failures": outcomes.failed,
            "last": outcomes.last,
            "last_error": outcomes.last_error,
        }

    def _of(self, provider: str) -> _Outcomes:
        return self._found.setdefault(provider, _Outcomes())

    def _time(self) -> str:
        return self.now().isoformat(timespec="milliseconds")
