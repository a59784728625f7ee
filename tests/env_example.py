"""Reads `.env.example`: what is set in it, and what is only shown behind `# `."""

import re
from pathlib import Path

_NAME = re.compile(r"^(?:# )?([A-Z][A-Z0-9_]*)=", re.MULTILINE)


def names_in(path: Path) -> list[str]:
    """Every name in the file, set or shown, in its order."""
    return _NAME.findall(path.read_text(encoding="utf-8"))
