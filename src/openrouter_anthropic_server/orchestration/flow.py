"""A Prefect flow that runs without Prefect's engine inside a recorded run."""

import inspect
from collections.abc import AsyncGenerator, Callable, Mapping
from typing import Any, ParamSpec, TypeVar, cast

import prefect

from openrouter_anthropic_server.orchestration.recorded_run import RecordedRun, current_run

P = ParamSpec("P")
R = TypeVar("R")

_SHOWN = (str, int, float, bool, type(None))


class Flow(prefect.Flow[P, R]):
    """One run in the dashboard.

    Inside an open recorded run, calling it calls the function directly and closes the run with the
    state it ended in; anywhere else Prefect's engine runs it.
    """

    def __call__(self, *args: P.args, **kwargs: P.kwargs) -> R:  # type: ignore[override] # without Prefect's own options
        """Run the flow; what the call returns is what the undecorated function would return."""
        run = current_run()
        if run is None:
            return super().__call__(*args, **kwargs)
        if self.isasync and self.isgenerator:
            return cast(R, _record_generator(run, self, args, kwargs))
        return cast(R, _record_coroutine(run, self, args, kwargs))

    def with_options(self, **options: Any) -> "Flow[P, R]":
        """A copy with other options; Prefect's own would return its base class."""
        base = super().with_options(**options)
        copy = Flow.__new__(Flow)
        copy.__dict__.update(base.__dict__)
        return copy

    def serialize_parameters(self, parameters: Mapping[str, Any]) -> dict[str, Any]:
        """What Prefect stores of the parameters: labels and counts; of anything else only the type."""
        return {
            name: value if isinstance(value, _SHOWN) else f"<{type(value).__name__}>"
            for name, value in parameters.items()
        }


def flow(*, name: str, **options: Any) -> Callable[[Callable[P, R]], Flow[P, R]]:
    """Make a coroutine function or an async generator function a flow called `name`."""

    def decorate(function: Callable[P, R]) -> Flow[P, R]:
        function.__signature__ = _shown_signature(function)  # type: ignore[attr-defined]
        return Flow(function, name=name, validate_parameters=False, persist_result=False, **options)

    return decorate


def _shown_signature(function: Callable[..., Any]) -> inspect.Signature:
    """The signature that Prefect makes a form of: scalars keep their types, live objects are anything."""
    signature = inspect.signature(function, eval_str=True)
    parameters = [
        parameter if parameter.annotation in _SHOWN else parameter.replace(annotation=Any)
        for parameter in signature.parameters.values()
    ]
    return signature.replace(parameters=parameters)


async def _record_coroutine(run: RecordedRun, run_flow: Flow[..., Any], args: Any, kwargs: Any) -> Any:
    run.begin(run_flow.name)
    try:
        result = await run_flow.fn(*args, **kwargs)
    except BaseException as error:
        run.end(error)
        raise
    run.end()
    return result


async def _record_generator(
    run: RecordedRun, run_flow: Flow[..., Any], args: Any, kwargs: Any
) -> AsyncGenerator[Any, None]:
    run.begin(run_flow.name)
    items = run_flow.fn(*args, **kwargs)
    try:
        async for item in items:
            yield item
    except BaseException as error:
        await items.aclose()
        run.end(error)
        raise
    run.end()
