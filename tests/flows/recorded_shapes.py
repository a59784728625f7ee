"""What a run looks like in a recorded run and in Prefect's database, in one form."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from contextvars import copy_context
from dataclasses import dataclass, field, replace
from typing import Any
from uuid import UUID, uuid4

import prefect
from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.filters import FlowRunFilter, FlowRunFilterTags
from prefect.client.schemas.objects import FlowRun, TaskRun

from openrouter_anthropic_server.orchestration.recorded_run import open_run
from openrouter_anthropic_server.ports.run_records import RunRecord, StepRecord

_STATES = {"COMPLETED": "Completed", "FAILED": "Failed", "CRASHED": "Crashed", "CANCELLED": "Cancelled"}
_PATIENCE_SECONDS = 30


@dataclass(frozen=True)
class Step:
    """A task run; `child` is the subflow that it stands for."""

    name: str
    state: str
    attempts: int
    child: "Shape | None" = None


@dataclass(frozen=True)
class Shape:
    """A flow run: its steps in the order of their names, and which step (by name) follows directly on which."""

    flow: str
    state: str
    tags: frozenset[str]
    steps: tuple[Step, ...]
    follows: frozenset[tuple[str, str]] = field(compare=False)

    def without(self, names: frozenset[str]) -> "Shape":
        """The shape without the steps of these names."""
        return replace(self, steps=tuple([step for step in self.steps if step.name not in names]))

    def count(self) -> int:
        """The number of steps, those of subflows included."""
        return len(self.steps) + sum(step.child.count() for step in self.steps if step.child is not None)

    def follows_somehow(self) -> frozenset[tuple[str, str]]:
        """Which step follows on which, directly or not."""
        known = self.follows
        while True:
            more = known | {(later, first) for later, middle in known for then, first in known if middle == then}
            if more == known:
                return known
            known = more


@dataclass(frozen=True)
class Outcome:
    """What a call gave or raised, and the shape that it left."""

    result: Any
    error: BaseException | None
    shape: Shape


class _Records:
    def __init__(self) -> None:
        self.ended_records: list[RunRecord] = []

    def begun(self, record: RunRecord) -> None:
        """Wait for the end."""

    def ended(self, record: RunRecord) -> None:
        """Keep it."""
        self.ended_records.append(record)


async def run_inline(call: Callable[[], Awaitable[Any]]) -> Outcome:
    """Call a flow in a recorded run."""
    records = _Records()

    async def recorded() -> Any:
        open_run("req_1", records)
        return await call()

    result, error = await _outcome(recorded)
    by_name = {record.name: record for record in records.ended_records}
    return Outcome(result, error, _shape_of_record(by_name["req_1"], by_name))


async def run_by_prefect(call: Callable[[], Awaitable[Any]], expected: Shape, left_open: frozenset[str]) -> Outcome:
    """Have Prefect's engine run a flow, and wait until it has recorded as much as is `expected`.

    It is not waited for the ends of steps with the names in `left_open`.
    """
    mark = f"example:{uuid4()}"

    async def tagged() -> Any:
        with prefect.tags(mark):
            return await call()

    result, error = await _outcome(tagged)
    return Outcome(result, error, await _shape_in_prefect(mark, expected.count(), left_open))


async def _outcome(call: Callable[[], Awaitable[Any]]) -> tuple[Any, BaseException | None]:
    # In a task of its own: neither engine's context may outlive the call.
    running: asyncio.Task[Any] = asyncio.get_running_loop().create_task(_awaited(call), context=copy_context())
    await asyncio.wait([running])
    if running.cancelled():
        return None, asyncio.CancelledError()
    error = running.exception()
    return (None, error) if error is not None else (running.result(), None)


async def _awaited(call: Callable[[], Awaitable[Any]]) -> Any:
    return await call()


# ------------------------------------------------------------------ from records


def _shape_of_record(record: RunRecord, by_name: dict[str, RunRecord]) -> Shape:
    steps = [_step_of_record(step, by_name) for step in record.steps]
    names = [step.name for step in record.steps]
    follows = {(step.name, names[index]) for step in record.steps for index in step.upstream}
    return Shape(record.flow, record.state, frozenset(record.tags), in_order(steps), frozenset(follows))


def _step_of_record(step: StepRecord, by_name: dict[str, RunRecord]) -> Step:
    child = None if step.child is None else by_name[step.child]
    assert child is None or child.parent is not None
    shape = None if child is None else _shape_of_record(child, by_name)
    return Step(step.name, step.state, step.attempts, shape)


def in_order(steps: Iterable[Step]) -> tuple[Step, ...]:
    """Steps in an order that does not depend on time."""
    return tuple(sorted(steps, key=lambda step: (step.name, step.state, step.attempts)))


# ------------------------------------------------------------------ from Prefect's server


async def _shape_in_prefect(mark: str, steps: int, left_open: frozenset[str]) -> Shape:
    async with get_client() as client:
        runs, tasks = await _runs_in_prefect(client, mark, steps, left_open)
        by_parent = {run.parent_task_run_id: run for run in runs}
        flows = {run.id: (await client.read_flow(run.flow_id)).name for run in runs}
        return _shape_of_run(by_parent[None], tasks, by_parent, flows, mark)


async def _runs_in_prefect(
    client: PrefectClient, mark: str, steps: int, left_open: frozenset[str]
) -> tuple[list[FlowRun], list[TaskRun]]:
    """The flow runs and task runs of a call, once all have arrived: Prefect writes them a moment later."""
    of_call = FlowRunFilter(tags=FlowRunFilterTags(all_=[mark]))
    deadline = asyncio.get_running_loop().time() + _PATIENCE_SECONDS
    while True:
        runs = await client.read_flow_runs(flow_run_filter=of_call)
        tasks = await client.read_task_runs(flow_run_filter=of_call)
        states = [run.state for run in runs] + [task.state for task in tasks if _name(task) not in left_open]
        over = all(state is not None and state.is_final() for state in states)
        if (len(tasks) >= steps and over) or asyncio.get_running_loop().time() > deadline:
            return runs, tasks
        await asyncio.sleep(0.2)


def _shape_of_run(
    run: FlowRun, tasks: list[TaskRun], by_parent: dict[UUID | None, FlowRun], flows: dict[UUID, str], mark: str
) -> Shape:
    own = [task for task in tasks if task.flow_run_id == run.id]
    names = {task.id: _name(task) for task in own}
    children = {
        task.id: _shape_of_run(by_parent[task.id], tasks, by_parent, flows, mark)
        for task in own
        if task.id in by_parent
    }
    steps = [Step(names[task.id], _state(task), task.run_count, children.get(task.id)) for task in own]
    follows = {
        (names[task.id], names[given.id])
        for task in own
        for inputs in task.task_inputs.values()
        for given in inputs
        if given.input_type == "task_run" and given.id in names
    }
    tags = frozenset(run.tags) - {mark}
    return Shape(flows[run.id], _state(run), tags, in_order(steps), frozenset(follows))


def _name(task: TaskRun) -> str:
    """The step's name, without what Prefect appends to tell calls apart."""
    for suffix in (f"-{task.dynamic_key}", f"-{task.dynamic_key[:3]}"):
        if task.name.endswith(suffix):
            return task.name.removesuffix(suffix)
    return task.name


def _state(run: FlowRun | TaskRun) -> str:
    return "unknown" if run.state is None else _STATES.get(run.state.type.value, run.state.type.value)
