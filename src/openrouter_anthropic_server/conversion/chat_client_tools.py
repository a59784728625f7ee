"""Function definitions for Anthropic's own client tools (bash, text editor, memory): other models do not know them.

Names and parameters are those of Anthropic's documentation, because the client's code runs the calls.
"""

from collections.abc import Mapping
from typing import Any

Function = dict[str, Any]

_PATH = {"type": "string", "description": "Absolute path of the file or directory."}
_VIEW_RANGE = {
    "type": "array",
    "items": {"type": "integer"},
    "description": "`view`: first and last line, counted from 1; -1 as the last line means the end of the file.",
}
_FILE_TEXT = {"type": "string", "description": "`create`: the content of the new file."}
_OLD_STR = {"type": "string", "description": "`str_replace`: the text to replace; it must occur exactly once."}
_NEW_STR = {"type": "string", "description": "`str_replace`: the text that takes its place."}
_INSERT_LINE = {"type": "integer", "description": "`insert`: the line after which to insert; 0 is the beginning."}
_INSERT_TEXT = {"type": "string", "description": "`insert`: the text to insert."}


def bash_function(name: str) -> Function:
    """bash_20241022, bash_20250124."""
    return _function(
        name,
        "Run a command in a bash session that keeps its state between calls.",
        {
            "command": {"type": "string", "description": "The command to run. Needed unless the session is restarted."},
            "restart": {"type": "boolean", "description": "Start the session anew."},
        },
        required=[],
    )


def text_editor_function(name: str) -> Function:
    """text_editor_20250429 and later."""
    return _editor(name, ["view", "create", "str_replace", "insert"], {"insert_text": _INSERT_TEXT})


def old_text_editor_function(name: str) -> Function:
    """text_editor_20241022 and 20250124: `insert` takes its text as `new_str`, and edits can be undone."""
    insert_too = {**_NEW_STR, "description": "`str_replace`: the new text. `insert`: the text to insert."}
    return _editor(name, ["view", "create", "str_replace", "insert", "undo_edit"], {"new_str": insert_too})


def memory_function(name: str) -> Function:
    """memory_20250818: files under /memories that outlive the conversation."""
    commands = ["view", "create", "str_replace", "insert", "delete", "rename"]
    return _function(
        name,
        "Read and change the files of a memory directory, /memories, that stays between conversations.",
        {
            "command": {"type": "string", "enum": commands, "description": "What to do."},
            "path": {"type": "string", "description": "Path under /memories; every command but `rename` needs it."},
            "view_range": _VIEW_RANGE,
            "file_text": _FILE_TEXT,
            "old_str": _OLD_STR,
            "new_str": _NEW_STR,
            "insert_line": _INSERT_LINE,
            "insert_text": _INSERT_TEXT,
            "old_path": {"type": "string", "description": "`rename`: the path now."},
            "new_path": {"type": "string", "description": "`rename`: the path to be."},
        },
        required=["command"],
    )


def _editor(name: str, commands: list[str], more: Mapping[str, Any]) -> Function:
    properties = {
        "command": {"type": "string", "enum": commands, "description": "What to do."},
        "path": _PATH,
        "view_range": _VIEW_RANGE,
        "file_text": _FILE_TEXT,
        "old_str": _OLD_STR,
        "new_str": _NEW_STR,
        "insert_line": _INSERT_LINE,
        **more,
    }
    return _function(name, "View, create and edit text files.", properties, required=["command", "path"])


def _function(name: str, description: str, properties: Mapping[str, Any], *, required: list[str]) -> Function:
    parameters: dict[str, Any] = {"type": "object", "properties": properties}
    if required:
        parameters["required"] = required
    return {"name": name, "description": description, "parameters": parameters}
