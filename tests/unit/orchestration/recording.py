"""What tests of recorded runs share: a sink that keeps the records, and bodies that fail as told."""

from openrouter_anthropic_server.errors import UpstreamError
from openrouter_anthropic_server.ports.run_records import RunRecord


class CollectingSink:
    """Keeps the records it is given, in order."""

    def __init__(self) -> None:
        self.begun_records: list[RunRecord] = []
        self.ended_records: list[RunRecord] = []

    def begun(self, record: RunRecord) -> None:
        """Keep it."""
        self.begun_records.append(record)

    def ended(self, record: RunRecord) -> None:
        """Keep it."""
        self.ended_records.append(record)

    def named(self, name: str) -> RunRecord:
        """The ended record of the run with this name."""
        (record,) = [record for record in self.ended_records if record.name == name]
        return record


class Failing:
    """Fails as often as it is told, then goes on; counts its calls."""

    def __init__(self, times: int, message: str = "a secret") -> None:
        self.left = times
        self.calls = 0
        self.message = message

    def once(self) -> None:
        """Fail, or not any more."""
        self.calls += 1
        if self.left > 0:
            self.left -= 1
            raise UpstreamError(self.message)
