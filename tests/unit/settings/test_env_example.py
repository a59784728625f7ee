"""`.env.example` and the documentation against the settings classes, both ways."""

import re
from itertools import pairwise
from pathlib import Path

import pytest

from openrouter_anthropic_server.settings import SettingError, all_settings_names, load_settings, unknown_names
from tests.env_example import names_in

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / ".env.example"
DOCUMENTED = re.compile(r"^\| `([A-Z][A-Z0-9_]*)` \|", re.MULTILINE)


def test_env_example_has_every_setting_once_and_nothing_else() -> None:
    assert sorted(names_in(EXAMPLE)) == sorted(all_settings_names())


def test_documentation_has_every_setting_once_and_nothing_else() -> None:
    page = (ROOT / "docs" / "02-configuration.md").read_text(encoding="utf-8")

    assert sorted(DOCUMENTED.findall(page)) == sorted(all_settings_names())


def test_values_in_env_example_are_the_defaults() -> None:
    assert load_settings(env_file=EXAMPLE) == load_settings(env_file=None)


def test_server_knows_every_name_it_would_read_from_a_copy_of_env_example() -> None:
    assert unknown_names(EXAMPLE) == []


def test_every_line_of_env_example_has_a_comment_above_it() -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    bare = [line for above, line in pairwise(lines) if _sets_something(line) and not above.startswith("# ")]

    assert bare == []


@pytest.mark.parametrize("line", ["LOG_LEVEL=loud", "MODEL_ALIASES=[]", "PORT=70000"])
def test_a_wrong_value_would_be_noticed_by_these_tests(tmp_path: Path, line: str) -> None:
    wrong = tmp_path / "env"
    wrong.write_text(f"{EXAMPLE.read_text(encoding='utf-8')}\n{line}\n", encoding="utf-8")

    with pytest.raises(SettingError, match=line.partition("=")[0]):
        load_settings(env_file=wrong)


def _sets_something(line: str) -> bool:
    return re.match(r"[A-Z][A-Z0-9_]*=", line) is not None
