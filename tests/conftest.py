"""Fixtures of all tests: a scrubbed environment, a guarded event loop, and tools that may be missing."""

import os
import shutil
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from blockbuster import blockbuster_ctx
from hypothesis import settings as hypothesis_settings

from tests.env_example import names_in

ROOT = Path(__file__).parent.parent

# Time limits are pytest's business, and CI must not fail by chance: there the same examples each time.
hypothesis_settings.register_profile("project", deadline=None, derandomize=os.environ.get("CI") == "true")
hypothesis_settings.load_profile("project")


@pytest.fixture(autouse=True, scope="session")
def _without_the_developers_settings() -> Iterator[None]:
    """A key or a backend in the developer's shell must not reach the code under test."""
    with pytest.MonkeyPatch.context() as patch:
        for name in names_in(ROOT / ".env.example"):
            patch.delenv(name, raising=False)
        yield


@pytest.fixture(autouse=True)
def _event_loop_is_not_blocked(request: pytest.FixtureRequest) -> Iterator[None]:
    """A blocking call from our code inside an event loop raises `BlockingError`."""
    if request.node.get_closest_marker("blocking_allowed"):
        yield
        return
    with blockbuster_ctx("openrouter_anthropic_server"):
        yield


@pytest.fixture(scope="session")
def require_tool() -> Callable[[str | Path], str]:
    """`require_tool("node")`: where the tool is (a command or a path); without it skip, but fail where CI=true."""

    def require(tool: str | Path) -> str:
        found = shutil.which(tool)
        if found is None:
            reason = f"{Path(tool).name} is not installed: {tool}"
            if os.environ.get("CI") == "true":
                pytest.fail(reason)
            pytest.skip(reason)
        return found

    return require
