"""Settings come from the environment and `.env`; a bad one is refused in one line that names it."""

from pathlib import Path

import pytest

from openrouter_anthropic_server.settings import (
    SettingError,
    all_settings_names,
    described_settings,
    environment_without_settings,
    export_overrides,
    load_settings,
    unknown_names,
)


@pytest.fixture(autouse=True)
def _no_settings_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in all_settings_names():
        monkeypatch.delenv(name, raising=False)


def test_defaults_listen_on_loopback_port_4000_without_keys() -> None:
    settings = load_settings(env_file=None)

    assert (settings.server.host, settings.server.port) == ("127.0.0.1", 4000)
    assert settings.security.server_api_keys == ()
    assert settings.upstream.proxy_backend is None


def test_every_setting_is_described() -> None:
    assert [name for name, description in described_settings() if not description] == []


def test_a_dotenv_file_is_read_and_the_environment_wins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("PORT=4001\nBIG_MODEL=openai/gpt-5\n")
    monkeypatch.setenv("PORT", "4002")

    settings = load_settings(env_file)

    assert (settings.server.port, settings.models.big_model) == (4002, "openai/gpt-5")


def test_overrides_win_over_everything(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PORT", "4002")

    assert load_settings(None, port=4003, host=None).server.port == 4003


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PORT", "many"),
        ("PORT", "70000"),
        ("PROXY_BACKEND", "SOMEBODY"),
        ("OPENROUTER_WIRE", "telegraph"),
        ("LOG_LEVEL", "loud"),
        ("MAX_REQUEST_MB", "0"),
        ("MODEL_ALIASES", "{not json"),
        ("MODEL_ALIASES", '["list"]'),
        ("BIG_MODEL", ""),
        ("RECORDING", ""),
        ("OPENROUTER_BASE_URL", "http://[::1"),
        ("PREFECT_RETENTION_DAYS", "a week"),
    ],
)
def test_a_bad_value_is_refused_in_one_line_naming_the_setting(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingError) as refusal:
        load_settings(None)

    assert str(refusal.value).startswith(f"{name}: ")
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("name", "value", "why"),
    [
        ("RECORDING", "maybe", "must be on or off"),
        ("PREFECT_RETENTION_DAYS", "0.04", "must be between 0.042 (one hour) and 36500 days"),
        ("PREFECT_RETENTION_DAYS", "36501", "must be between 0.042 (one hour) and 36500 days"),
        ("PREFECT_RETENTION_DAYS", "nan", "must be between 0.042 (one hour) and 36500 days"),
        ("PREFECT_RETENTION_DAYS", "inf", "must be between 0.042 (one hour) and 36500 days"),
        ("PREFECT_API_URL", "prefect:4200/api", "must be an address such as https://host/path"),
        ("PREFECT_API_URL", "http://prefect:70000/api", "the port must be 1 to 65535"),
        ("PREFECT_API_URL", "http://prefect:0/api", "the port must be 1 to 65535"),
        ("PREFECT_UI_URL", "http://prefect:port", "the port must be 1 to 65535"),
        ("PREFECT_API_URL", "http://admin:hush@prefect/api", "no user or password in the address"),
        ("OPENROUTER_BASE_URL", "http://hush@router", "no user or password in the address"),
        ("PREFECT_API_AUTH_STRING", "hush", "must be user:password"),
        ("OPENROUTER_API_KEY", "hush\u00e9", "must be printable ASCII, because it travels in an HTTP header"),
    ],
)
def test_a_refusal_says_what_would_be_right_and_never_repeats_a_secret(
    name: str, value: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(SettingError) as refusal:
        load_settings(None)

    assert str(refusal.value) == f"{name}: {why}"


@pytest.mark.parametrize(("word", "on"), [("on", True), ("OFF", False), ("true", True), ("0", False)])
def test_recording_is_on_or_off(word: str, on: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RECORDING", word)

    assert load_settings(None).recording.recording is on


@pytest.mark.parametrize("days", ["0.042", "36500"])
def test_runs_can_be_kept_from_an_hour_to_a_century(days: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PREFECT_RETENTION_DAYS", days)

    assert load_settings(None).prefect.retention_days == float(days)


@pytest.mark.parametrize(
    ("api_url", "ui_url", "address"),
    [
        ("", "", None),
        ("http://p:1/x/api/", "", "http://p:1/x"),
        ("http://p:1/api", "https://ui/", "https://ui"),
        ("", "https://ui", "https://ui"),
    ],
)
def test_the_ui_is_beside_the_api_unless_told_otherwise(
    api_url: str, ui_url: str, address: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_URL", api_url)
    monkeypatch.setenv("PREFECT_UI_URL", ui_url)

    assert load_settings(None).prefect.ui_address == address


@pytest.mark.parametrize(
    ("key", "auth", "headers"),
    [
        ("", "", {}),
        ("pnu_1", "", {"authorization": "Bearer pnu_1"}),
        ("", "admin:pass", {"authorization": "Basic YWRtaW46cGFzcw=="}),
        ("pnu_1", "admin:pass", {"authorization": "Bearer pnu_1"}),
    ],
)
def test_a_key_or_user_and_password_go_with_every_request(
    key: str, auth: str, headers: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PREFECT_API_KEY", key)
    monkeypatch.setenv("PREFECT_API_AUTH_STRING", auth)

    assert load_settings(None).prefect.headers == headers


def test_the_directory_of_prefect_is_absolute(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATA_DIR", "data")

    assert load_settings(None).recording.prefect_path == Path.cwd() / "data" / "prefect"


def test_a_bad_line_of_dotenv_is_not_repeated(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("PORT=4001\nno = 'such line\n")

    assert load_settings(env_file).server.port == 4001
    assert caplog.records == []


def test_key_lists_are_split_at_commas_and_never_printed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SERVER_API_KEYS", "first-key, second-key,")

    security = load_settings(None).security

    assert [key.get_secret_value() for key in security.server_api_keys] == ["first-key", "second-key"]
    assert "first-key" not in repr(security)


def test_openrouter_without_its_key_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PROXY_BACKEND", "OPENROUTER")

    with pytest.raises(SettingError, match="^OPENROUTER_API_KEY: "):
        load_settings(None)


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.168.1.7", "my-machine"])
def test_listening_beyond_loopback_needs_keys(host: str, monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(SettingError, match="^SERVER_API_KEYS: "):
        load_settings(None, host=host)

    monkeypatch.setenv("SERVER_API_KEYS", "a-key")
    assert load_settings(None, host=host).server.host == host


@pytest.mark.parametrize("host", ["127.0.0.1", "127.1.2.3", "::1", "localhost"])
def test_loopback_needs_no_keys(host: str) -> None:
    assert load_settings(None, host=host).server.host == host


def test_the_opt_out_of_keys_is_explicit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ALLOW_UNAUTHENTICATED", "true")

    assert load_settings(None, host="0.0.0.0").server.host == "0.0.0.0"


def test_names_in_dotenv_that_are_no_settings_are_found(tmp_path: Path) -> None:
    env_file = tmp_path / ".env"
    env_file.write_text("PORT=4001\nOPENROUTR_API_KEY=x\n")

    assert unknown_names(env_file) == ["OPENROUTR_API_KEY"]
    assert unknown_names(tmp_path / "missing") == []


def test_worker_processes_see_what_the_command_line_overrode(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HOST", "PORT", "PROXY_BACKEND"):
        monkeypatch.setenv(name, "")
        monkeypatch.delenv(name)
    export_overrides(load_settings(None, port=0, proxy_backend="DEMO"), 4009)

    again = load_settings(None)

    assert (again.server.port, again.upstream.proxy_backend) == (4009, "DEMO")


def test_a_child_that_needs_no_settings_gets_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENROUTER_API_KEY", "a-key")
    monkeypatch.setenv("PREFECT_API_KEY", "another")
    monkeypatch.setenv("PREFECT_SERVER_LOGGING_LEVEL", "INFO")

    environment = environment_without_settings()

    assert not {"a-key", "another"} & set(environment.values())
    assert environment["PREFECT_SERVER_LOGGING_LEVEL"] == "INFO"
    assert "PATH" in environment
