"""Settings of a Databricks workspace."""

from pathlib import Path

import pytest

from openrouter_anthropic_server.settings import SettingError, Settings, load_settings

HOST = "DATABRICKS_HOST=adb-1.2.azuredatabricks.net"


def load(tmp_path: Path, *lines: str) -> Settings:
    """Settings of a file with these lines."""
    file = tmp_path / "env"
    file.write_text("\n".join(lines), encoding="utf-8")
    return load_settings(env_file=file)


@pytest.mark.parametrize(
    ("written", "host"),
    [
        ("adb-1.2.azuredatabricks.net", "https://adb-1.2.azuredatabricks.net"),
        ("https://adb-1.2.azuredatabricks.net/", "https://adb-1.2.azuredatabricks.net"),
        ("https://adb-1.2.azuredatabricks.net/?o=123", "https://adb-1.2.azuredatabricks.net"),
        ("http://127.0.0.1:4321", "http://127.0.0.1:4321"),
        ("", None),
    ],
)
def test_a_host_is_an_address_without_a_path(tmp_path: Path, written: str, host: str | None) -> None:
    assert load(tmp_path, f"DATABRICKS_HOST={written}").databricks.host == host


@pytest.mark.parametrize("written", ["https://adb-1.2.azuredatabricks.net/serving-endpoints", "ftp://host", "https://"])
def test_what_is_no_host_stops_the_start(tmp_path: Path, written: str) -> None:
    with pytest.raises(SettingError, match="^DATABRICKS_HOST: must be"):
        load(tmp_path, f"DATABRICKS_HOST={written}")


@pytest.mark.parametrize(
    ("lines", "missing"),
    [
        ((), "DATABRICKS_HOST"),
        (("DATABRICKS_TOKEN=t",), "DATABRICKS_HOST"),
        ((HOST,), "DATABRICKS_TOKEN"),
        ((HOST, "DATABRICKS_CLIENT_ID=i"), "DATABRICKS_CLIENT_SECRET"),
        ((HOST, "DATABRICKS_CLIENT_SECRET=s"), "DATABRICKS_CLIENT_ID"),
        ((HOST, "DATABRICKS_TOKEN=t"), None),
        ((HOST, "DATABRICKS_CLIENT_ID=i", "DATABRICKS_CLIENT_SECRET=s"), None),
    ],
)
def test_what_is_missing_is_named(tmp_path: Path, lines: tuple[str, ...], missing: str | None) -> None:
    assert load(tmp_path, *lines).databricks.missing == missing
    chosen = ("PROXY_BACKEND=azure_databricks", *lines)
    if missing is None:
        assert load(tmp_path, *chosen).upstream.proxy_backend == "AZURE_DATABRICKS"
        return
    with pytest.raises(SettingError, match=f"^{missing}: must be set when PROXY_BACKEND is AZURE_DATABRICKS"):
        load(tmp_path, *chosen)
