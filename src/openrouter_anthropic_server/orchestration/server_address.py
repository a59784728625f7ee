"""The file through which the embedded Prefect server says where it listens."""

import os
from dataclasses import asdict, dataclass
from pathlib import Path

import orjson

_FILE = "server.json"


@dataclass(frozen=True, slots=True)
class ServerAddress:
    """Where a server's API (ending in /api) and UI are, and the process that serves them."""

    api_url: str
    ui_url: str
    pid: int

    @classmethod
    def on_port(cls, port: int, ui_url: str | None = None) -> "ServerAddress":
        """The address of this process, listening on `port` of 127.0.0.1; `ui_url` if people open it elsewhere."""
        base = f"http://127.0.0.1:{port}"
        return cls(f"{base}/api", (ui_url or base).rstrip("/"), os.getpid())


def write_address(directory: Path, address: ServerAddress) -> None:
    """Tell it in `directory`; readers see the old file or the new one, never a part."""
    unfinished = directory / f"{_FILE}.{address.pid}"
    unfinished.write_bytes(orjson.dumps(asdict(address)))
    unfinished.replace(directory / _FILE)


def read_address(directory: Path) -> ServerAddress | None:
    """Where the server of `directory` listens (perhaps it still starts); None while none runs."""
    try:
        address = ServerAddress(**orjson.loads((directory / _FILE).read_bytes()))
    except (OSError, ValueError, TypeError):
        return None
    return address if _is_alive(address.pid) else None


def remove_address(directory: Path) -> None:
    """Take this process's address back; another's stays."""
    address = read_address(directory)
    if address is not None and address.pid == os.getpid():
        (directory / _FILE).unlink(missing_ok=True)


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True  # somebody else's
    return True
