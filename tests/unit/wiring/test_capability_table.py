"""The operator's table is read over the built-in one; a bad file is named by its setting."""

from pathlib import Path

import pytest

from openrouter_anthropic_server.settings import SettingError, Settings, load_settings
from openrouter_anthropic_server.wiring.capability_table import capability_table, known_capabilities


def settings(monkeypatch: pytest.MonkeyPatch, file: Path) -> Settings:
    monkeypatch.setenv("CAPABILITIES_FILE", str(file))
    return load_settings(None)


def test_the_built_in_table_is_there() -> None:
    known = known_capabilities(load_settings(None), "anthropic", "messages")
    assert known("claude-opus-5-5").max_output == 128_000


def test_the_operators_table_adds_and_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('[mine]\nmodels = ["acme-*"]\nimages = false\n[claude-4-6]\nmax_output = 1_000\n')
    known = known_capabilities(settings(monkeypatch, file), "openrouter", "chat")
    assert not known("acme/acme-7b").images
    assert known("anthropic/claude-opus-4.6").max_output == 1_000
    assert known("anthropic/claude-opus-4.6").context_window == 1_000_000


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (None, "No such file or directory"),
        (b"\xff", "is not UTF-8 text"),
        (b"[a", "is not TOML"),
        (b'[a]\nmodels = ["m"]\nwindow = 1', "entry 'a': unknown field 'window'"),
    ],
)
def test_a_bad_file_is_one_line_that_names_the_setting(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes | None, problem: str
) -> None:
    file = tmp_path / "bad.toml"
    if content is not None:
        file.write_bytes(content)
    with pytest.raises(SettingError) as refused:
        capability_table(settings(monkeypatch, file))
    assert str(refused.value).startswith(f"CAPABILITIES_FILE: {file}: {problem}")
    assert "\n" not in str(refused.value)
