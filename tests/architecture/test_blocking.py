"""The guard of the event loop works: without it, no test would notice a blocking call in our code."""

import asyncio
import socket
from collections.abc import Callable

import pytest
from blockbuster import BlockingError

import openrouter_anthropic_server


def our_function(name: str) -> Callable[[], None]:
    """A function that pretends to be a module of the package, and reads from a socket with the loop running."""
    source = "def read():\n    left, right = socket.socketpair()\n    with left, right:\n        right.send(b'x')\n"
    code = compile(source + "        left.recv(1)\n", f"{openrouter_anthropic_server.__path__[0]}/{name}.py", "exec")
    namespace: dict[str, Callable[[], None]] = {"socket": socket}  # type: ignore[dict-item]
    exec(code, namespace)
    return namespace["read"]


async def test_blocking_call_of_our_code_raises() -> None:
    with pytest.raises(BlockingError):
        our_function("reader")()


@pytest.mark.blocking_allowed("to see that the marker works")
async def test_marker_allows_blocking() -> None:
    our_function("reader")()


async def test_call_in_a_thread_is_no_blocking_call() -> None:
    await asyncio.to_thread(our_function("reader"))
