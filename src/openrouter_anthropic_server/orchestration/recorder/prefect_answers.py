"""What is in answers of Prefect, or of what stands in its place."""

from typing import Any

import orjson

_LONGEST_RETRY_AFTER_SECONDS = 30.0
_SHOWN_DETAIL = 500


def json_value(content: bytes) -> Any:
    """The value; for what is no JSON, one that equals none."""
    try:
        return orjson.loads(content) if content else None
    except orjson.JSONDecodeError:
        return _NO_JSON


_NO_JSON = object()


def refusal(value: Any, content: bytes) -> str:
    """What Prefect said, without what was sent, which it quotes."""
    if not isinstance(value, dict):
        return content.decode(errors="replace")[:_SHOWN_DETAIL]
    faults = value.get("exception_detail")
    if isinstance(faults, list):
        return "; ".join(_fault(fault) for fault in faults)[:_SHOWN_DETAIL]
    return str(value.get("exception_message") or value.get("detail"))[:_SHOWN_DETAIL]


def _fault(fault: Any) -> str:
    if not isinstance(fault, dict):
        return str(fault)
    return f"{'.'.join(str(part) for part in fault.get('loc') or ())}: {fault.get('msg')}"


def retry_after_seconds(value: str | None) -> float:
    """What the header Retry-After asks for, within reason."""
    try:
        return min(max(float(value or 0), 0.0), _LONGEST_RETRY_AFTER_SECONDS)
    except ValueError:  # a date, which proxies hardly send
        return 0.0
