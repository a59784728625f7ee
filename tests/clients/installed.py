"""Where the client packages of these tests are; without them a test skips, in CI it fails."""

import os
import platform
import shutil
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
NODE_MODULES = Path(__file__).parent / "node_modules"
ANTHROPIC_0X = ROOT / "build" / "clients" / "anthropic-0x"
_PLATFORMS = {
    ("Linux", "x86_64"): "linux-x64",
    ("Linux", "aarch64"): "linux-arm64",
    ("Darwin", "arm64"): "darwin-arm64",
    ("Darwin", "x86_64"): "darwin-x64",
}


def claude_code() -> Path:
    """The native binary of the pinned Claude Code; `CLAUDE_CODE_BIN` names another one."""
    name = _PLATFORMS.get((platform.system(), platform.machine()), "linux-x64")
    default = NODE_MODULES / "@anthropic-ai" / f"claude-code-{name}" / "claude"
    return _present(Path(os.environ.get("CLAUDE_CODE_BIN") or default), "Claude Code")


def typescript_sdk() -> Path:
    """The folder of `@anthropic-ai/sdk`."""
    return _present(NODE_MODULES / "@anthropic-ai" / "sdk", "the TypeScript SDK")


def node() -> Path:
    """The Node.js program."""
    return _present(Path(shutil.which("node") or "node"), "Node.js")


def anthropic_0x() -> Path:
    """The folder to put on the path for the last 0.x release of the Python SDK."""
    return _present(ANTHROPIC_0X / "anthropic", "anthropic 0.x").parent


def _present(path: Path, what: str) -> Path:
    if path.exists():
        return path
    missing = f"{what} is not installed ({path}): run `make dev`"
    if os.environ.get("CI") == "true":
        pytest.fail(missing)
    pytest.skip(missing)
