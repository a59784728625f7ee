"""What is installed: pinned with hashes, from whichever index the user has configured."""

import json
import re
import tomllib
from pathlib import Path
from typing import Any

import pytest

from tests.architecture.tree import ROOT, files, relative, text_of

LOCKS = files("requirements*.lock", "tests/clients/*.lock", "benchmarks/*.lock")
PACKAGE_LOCK = ROOT / "tests" / "clients" / "package-lock.json"
PIN = re.compile(r"^([a-z0-9][a-z0-9._-]*)(?:\[[^]]*])?==([^ ;\\]+)", re.MULTILINE)
INDEX_OPTION = re.compile(
    r"^\s*(-i|-f|--(?:extra-)?index-url|--find-links|--no-index|--trusted-host)\b|://|@ file:", re.MULTILINE
)
REGISTRY_SETTING = re.compile(r"^\s*(?:@[^:]+:)?registry\s*=|index-url\s*=|\[\[tool\.uv\.index]]", re.MULTILINE)


def pins(path: Path) -> dict[str, str]:
    return dict(PIN.findall(text_of(path)))


def project() -> dict[str, Any]:
    return tomllib.loads(text_of(ROOT / "pyproject.toml"))


def test_all_locks_are_found() -> None:
    assert sorted(map(relative, LOCKS)) == [
        "benchmarks/requirements-litellm-proxy.lock",
        "requirements-dev.lock",
        "requirements.lock",
        "tests/clients/requirements-anthropic-0x.lock",
    ]


@pytest.mark.parametrize("path", LOCKS, ids=relative)
def test_lock_names_no_index_address(path: Path) -> None:
    assert INDEX_OPTION.findall(text_of(path)) == []


@pytest.mark.parametrize(
    "line", ["--index-url x", "-i x", "--find-links dir", "a @ file:///x", "    # from https://index.example/simple"]
)
def test_index_address_would_be_noticed(line: str) -> None:
    assert INDEX_OPTION.findall(f"a==1\n{line}\n") != []


@pytest.mark.parametrize("path", LOCKS, ids=relative)
def test_every_package_in_a_lock_has_a_hash(path: Path) -> None:
    entries = re.split(r"^(?=[a-z0-9])", text_of(path), flags=re.MULTILINE)[1:]

    assert len(entries) == len(PIN.findall(text_of(path))) > 10
    assert [entry.splitlines()[0] for entry in entries if "--hash=sha256:" not in entry] == []


def test_package_lock_names_no_registry_address() -> None:
    packages: dict[str, dict[str, Any]] = json.loads(text_of(PACKAGE_LOCK))["packages"]

    assert [name for name, package in packages.items() if name and "integrity" not in package] == []
    assert [name for name, package in packages.items() if "resolved" in package] == []
    assert "://" not in text_of(PACKAGE_LOCK)


def test_no_configuration_chooses_a_registry() -> None:
    configurations = files(
        "*.toml", "*.cfg", "Makefile", ".ci/run", "tests/clients/.npmrc", "tests/clients/*.in", "benchmarks/*.in"
    )

    assert [relative(path) for path in configurations if REGISTRY_SETTING.search(text_of(path))] == []


def test_litellm_is_pinned_exactly_and_measured_against_the_same_version() -> None:
    (pinned,) = [text for text in project()["project"]["dependencies"] if name_of(text) == "litellm"]
    proxy = text_of(ROOT / "benchmarks" / "requirements-litellm-proxy.in")

    assert re.fullmatch(r"litellm==\d+\.\d+\.\d+", pinned)
    assert pinned.replace("litellm", "litellm[proxy]") in proxy.splitlines()


def test_versions_of_what_runs_are_the_versions_that_are_tested() -> None:
    run, tested = pins(ROOT / "requirements.lock"), pins(ROOT / "requirements-dev.lock")

    assert {name: tested.get(name) for name in run} == run


def test_every_direct_dependency_is_locked() -> None:
    declared = project()
    groups: dict[str, list[str]] = declared["dependency-groups"]
    runtime = {name_of(text) for text in [*declared["project"]["dependencies"], *groups["build"]]}
    development = {name_of(text) for text in groups["dev"]}

    assert runtime - pins(ROOT / "requirements.lock").keys() == set()
    assert development - pins(ROOT / "requirements-dev.lock").keys() == set()


def test_build_backend_needs_nothing_that_is_not_locked() -> None:
    assert project()["build-system"]["requires"] == project()["dependency-groups"]["build"]


def test_tools_of_development_are_not_installed_for_users() -> None:
    assert {"pytest", "ruff", "mypy", "anthropic", "hypothesis"} & pins(ROOT / "requirements.lock").keys() == set()


def test_no_file_names_the_folder_it_was_written_in() -> None:
    """A path of one machine is wrong on all others."""
    ours = files("*", ".ci/*", "src/**/*", "tests/**/*", "docs/**/*", "benchmarks/**/*")

    assert [relative(path) for path in ours if str(ROOT) in text_of(path)] == []


def name_of(requirement: str) -> str:
    found = re.match(r"[A-Za-z0-9._-]+", requirement)
    assert found is not None
    return found[0].lower().replace("_", "-")
