"""What hangs on a flow run: artifacts, logs, task runs, its final state."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from openrouter_anthropic_server.orchestration.recorder import payloads, prefect_questions
from openrouter_anthropic_server.orchestration.recorder.artifacts import run_artifacts
from openrouter_anthropic_server.orchestration.recorder.prefect_api import (
    PrefectError,
    PrefectQuestionError,
    PrefectRefusedError,
    PrefectUnavailableError,
    RunInPrefect,
)
from openrouter_anthropic_server.orchestration.recorder.run_work import RunWork
from openrouter_anthropic_server.orchestration.recorder.sending import EVENTS_PER_REQUEST, Portion, Sender
from openrouter_anthropic_server.orchestration.recorder.subflows import Subflows
from openrouter_anthropic_server.ports.run_records import StepRecord

_LOGS_PER_REQUEST = 500


class RunDetails:
    """Sends what hangs on flow runs that exist, each thing once."""

    def __init__(self, sender: Sender, subflows: Subflows) -> None:
        self._sender = sender
        self._subflows = subflows

    async def find_out(self, works: Sequence[RunWork]) -> None:
        """Ask what is there already of the suspect ones; a run that is gone is one that was never created."""
        suspects = {work.there.flow_run_id: work for work in works if work.suspect and work.there is not None}
        if not suspects:
            return
        try:
            await self._find_out(suspects)
        except PrefectQuestionError:  # Prefect may not take one of the ids, which another recorder wrote down
            if len(suspects) > 1:
                middle = len(works) // 2
                await self.find_out(works[:middle])
                await self.find_out(works[middle:])
                return
            (work,) = suspects.values()
            if work.recreated:
                raise
            work.recreated = True
            work.forget_prefect()

    async def _find_out(self, suspects: Mapping[str, RunWork]) -> None:
        api, ids = self._sender.api, list(suspects)
        runs = await prefect_questions.runs_by_id(api, ids)
        artifacts = await prefect_questions.artifact_counts(api, ids)
        logged = await prefect_questions.runs_with_logs(api, [key for key in ids if suspects[key].record.logs])
        for key, work in suspects.items():
            if key not in runs:
                work.forget_prefect()
                continue
            work.there, work.suspect = runs[key], False
            work.artifacts_there, work.logs_there = artifacts[key], key in logged

    async def add_artifacts(self, work: RunWork) -> None:
        """Add the artifacts that are missing; they are added in order, so that their number tells which."""
        assert work.there is not None
        for body in self._artifacts(work)[work.artifacts_there + work.artifacts_skipped :]:
            try:
                await self._sender.api.create_artifact({**body, "flow_run_id": work.there.flow_run_id})
            except PrefectRefusedError as error:
                self._skip_artifact(work, error)
            except PrefectUnavailableError as error:
                if not self._sender.is_hopeless(work, error):
                    raise
                self._skip_artifact(work, error)
            else:
                work.artifacts_there += 1

    def _skip_artifact(self, work: RunWork, error: PrefectError) -> None:
        """The run arrives without it, which is better than not at all."""
        work.artifacts_skipped += 1
        work.failures = min(work.failures, 1)  # the next thing that fails gets as much time
        self._sender.refused(work, error)

    async def remove_surplus(self, works: Sequence[RunWork]) -> None:
        """Remove artifacts that are there twice: a request given up for dead was carried out after all."""
        ids = [work.there.flow_run_id for work in works if work.there is not None]
        for artifact in await prefect_questions.surplus_artifacts(self._sender.api, ids) if ids else ():
            await self._sender.api.delete_artifact(artifact)

    def _artifacts(self, work: RunWork) -> list[payloads.Body]:
        """None if they cannot be made of what the record holds: that must not hold up the spool for ever."""
        try:
            return run_artifacts(work.record)
        except (ArithmeticError, AttributeError, LookupError, TypeError, ValueError) as error:
            self._sender.refused(work, error)
            return []

    async def add_logs(self, works: Sequence[RunWork]) -> None:
        """Add the log lines of runs that have none there."""
        portions = [
            Portion(work, payloads.logs(work.record, work.there.flow_run_id))
            for work in works
            if work.there is not None and work.record.logs and not work.logs_there
        ]
        await self._sender.together(portions, _LOGS_PER_REQUEST, self._sender.api.create_logs, _logs_taken)

    async def report_steps(self, works: Sequence[RunWork]) -> None:
        """Report all steps of runs that are over; of those that are sent again, the steps that are missing."""
        lost = [work.there.flow_run_id for work in works if work.again and work.there is not None]
        arrived = await prefect_questions.finished_task_runs(self._sender.api, lost)
        portions: list[Portion] = []
        for work in works:
            assert work.there is not None
            missing = [step for step in work.record.steps if step.child or _id(work, step) not in arrived]
            work.steps_sent = len(work.record.steps) - len(missing)
            left, children = replace(work.record, steps=missing), self._subflows.children(work)
            bodies = payloads.events(left, work.there.flow_run_id, children, work.again)
            for start in range(0, len(bodies), EVENTS_PER_REQUEST):
                portions.append(Portion(work, bodies[start : start + EVENTS_PER_REQUEST]))
        await self._sender.together(portions, EVENTS_PER_REQUEST, self._sender.api.create_events, _steps_taken)

    async def report_news(self, works: Sequence[RunWork]) -> None:
        """Report steps of open runs whose states are not told yet. Nobody checks that they arrive: the end has all."""
        portions: list[Portion] = []
        for work in works:
            news = [step for step in work.record.steps if (step.index, step.state) not in work.told]
            if work.there is not None and news:
                fresh = replace(work.record, steps=news)
                bodies = payloads.events(fresh, work.there.flow_run_id, self._subflows.children(work), work.again)
                portions.append(Portion(work, bodies))
        await self._sender.together(portions, EVENTS_PER_REQUEST, self._sender.api.create_events, _news_taken)

    async def close(self, work: RunWork) -> None:
        """Give the run its final state, if it has none: a second one would move its end.

        That it crashed was a guess if its real end is known now.
        """
        if work.there is None or (work.closed and not _was_guessed(work.there, work)):
            return
        api, key, record = self._sender.api, work.there.flow_run_id, work.record
        try:
            await api.set_labels(key, payloads.labels(record))
            if work.told_tags != payloads.tags(record):
                await api.set_tags(key, payloads.tags(record))
            state_at = await api.set_state(key, payloads.state(record))
        except PrefectRefusedError as error:
            if error.status != 404 or work.recreated:
                raise
            work.recreated = True
            work.forget_prefect()
            return
        work.there = replace(work.there, state_type=record.state.upper(), state_at=state_at)


def _id(work: RunWork, step: StepRecord) -> str:
    return payloads.task_run_id(work.record.name, step.index)


def _was_guessed(there: RunInPrefect, work: RunWork) -> bool:
    return there.state_type == "CRASHED" and work.record.state != "Crashed"


def _logs_taken(portion: Portion) -> None:
    portion.work.logs_there = True


def _steps_taken(portion: Portion) -> None:
    portion.work.steps_sent += len(portion.bodies)


def _news_taken(portion: Portion) -> None:
    portion.work.told |= {(step.index, step.state) for step in portion.work.record.steps}
