"""Session and user from `metadata.user_id`, in the forms that versions of Claude Code have sent.

2.1: a JSON text `{"device_id", "account_uuid", "session_id"}`; 1.0.128 to 2.0:
`user_<hash>_account_<uuid>_session_<uuid>`; other clients: their own id of the user. It never authenticates anybody.
"""

import re
from functools import lru_cache
from hashlib import sha256
from typing import Any

import orjson

MAX_SESSION_ID = 256
MAX_USER = 128
_LONGEST_KEPT = 1_024  # what a client sends may have any length

_OLD_FORM = re.compile(r"(user_.+)_session_([0-9a-zA-Z-]+)", re.DOTALL)


def session_id_of(user_id: str) -> str | None:
    """The client's session, at most 256 characters (OpenRouter's limit), or None if the id holds none."""
    return _session_id(user_id) if len(user_id) <= _LONGEST_KEPT else _session_id.__wrapped__(user_id)


def user_of(user_id: str) -> str:
    """A stable id of the end user: `user_id` without its session, hashed if it is longer than 128 characters."""
    return _user(user_id) if len(user_id) <= _LONGEST_KEPT else _user.__wrapped__(user_id)


@lru_cache(maxsize=256)  # the same in every request of a session
def _session_id(user_id: str) -> str | None:
    found = _json_form(user_id).get("session_id")
    if found is None and (match := _OLD_FORM.fullmatch(user_id)):
        found = match[2]
    return found if isinstance(found, str) and 0 < len(found) <= MAX_SESSION_ID else None


@lru_cache(maxsize=256)
def _user(user_id: str) -> str:
    if fields := _json_form(user_id):
        stable = {key: value for key, value in fields.items() if key != "session_id"}
        return _digest(orjson.dumps(stable, option=orjson.OPT_SORT_KEYS))
    if match := _OLD_FORM.fullmatch(user_id):
        user_id = match[1]
    return user_id if len(user_id) <= MAX_USER else _digest(user_id.encode())


def _json_form(user_id: str) -> dict[str, Any]:
    if not user_id.startswith("{"):
        return {}
    try:
        fields = orjson.loads(user_id)
    except ValueError:
        return {}
    return fields if isinstance(fields, dict) else {}


def _digest(text: bytes) -> str:
    return sha256(text).hexdigest()
