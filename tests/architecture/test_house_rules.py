"""The tree keeps the house rules, and each rule notices what it is there for."""

import ast

import pytest

from tests.architecture import house_rules as rules
from tests.architecture.tree import ROOT, python_files, relative, text_of, tree_of

SOURCES = python_files("src")
TESTS = python_files("tests")
EVERYTHING = (*SOURCES, *TESTS, *python_files("benchmarks"))


def test_there_are_files_to_check() -> None:
    assert len(SOURCES) > 20
    assert ROOT / "tests" / "conftest.py" in TESTS


def test_names_say_what_a_thing_holds() -> None:
    assert [line for path in EVERYTHING for line in rules.banned_names(relative(path), tree_of(path))] == []


def test_files_fit_their_size_budget() -> None:
    limits = {path: 500 if path in TESTS else 300 for path in EVERYTHING}

    assert [line for path in EVERYTHING for line in rules.too_long(relative(path), text_of(path), limits[path])] == []


def test_no_handler_swallows_every_exception() -> None:
    assert [line for path in SOURCES for line in rules.swallowed_exceptions(relative(path), tree_of(path))] == []


def test_flows_and_tasks_have_explicit_names() -> None:
    assert [line for path in SOURCES for line in rules.unnamed_steps(relative(path), tree_of(path))] == []


def test_no_module_runs_anything_for_its_name() -> None:
    """`create_app` is called by whoever serves it; a module-level application would read settings at import."""
    calls = [
        f"{relative(path)}:{node.lineno}"
        for path in SOURCES
        for node in tree_of(path).body
        if isinstance(node, ast.Assign) and ast.unparse(node.value).startswith(("create_app(", "load_settings("))
    ]

    assert calls == []


@pytest.mark.parametrize(
    "path",
    ["src/a/utils.py", "src/a/http_helpers.py", "src/common/x.py", "src/a/enhanced_cache.py", "src/a/task_manager.py"],
)
def test_empty_file_name_is_noticed(path: str) -> None:
    assert list(rules.banned_names(path, ast.parse(""))) != []


@pytest.mark.parametrize("path", ["src/a/management.py", "src/a/commonality.py", "src/a/tokens.py"])
def test_telling_file_name_passes(path: str) -> None:
    assert list(rules.banned_names(path, ast.parse(""))) == []


@pytest.mark.parametrize("name", ["StreamManager", "EnhancedClient", "JsonUtils"])
def test_empty_class_name_is_noticed(name: str) -> None:
    assert list(rules.banned_names("src/a/b.py", ast.parse(f"class {name}: pass"))) != []


def test_file_over_its_budget_is_noticed() -> None:
    assert list(rules.too_long("a.py", "x\n" * 301, 300)) != []
    assert list(rules.too_long("a.py", "x\n" * 300, 300)) == []


@pytest.mark.parametrize(
    "handler", ["except Exception:", "except BaseException as e:", "except (OSError, Exception):", "except:"]
)
def test_swallowed_exception_is_noticed(handler: str) -> None:
    swallowing = f"try:\n    x()\n{handler}\n    log()\n"
    raising = f"try:\n    x()\n{handler}\n    log()\n    raise\n"

    assert list(rules.swallowed_exceptions("src/a/b.py", ast.parse(swallowing))) != []
    assert list(rules.swallowed_exceptions("src/a/b.py", ast.parse(raising))) == []


@pytest.mark.parametrize("decorator", ["@flow", "@task", "@flow()", "@orchestration.task(retries=2)"])
def test_step_without_a_name_is_noticed(decorator: str) -> None:
    assert list(rules.unnamed_steps("src/a/b.py", ast.parse(f"{decorator}\ndef f(): pass"))) != []


@pytest.mark.parametrize("decorator", ['@task(name="x")', '@flow(name="x", retries=1)', "@cached"])
def test_step_with_a_name_passes(decorator: str) -> None:
    assert list(rules.unnamed_steps("src/a/b.py", ast.parse(f"{decorator}\nasync def f(): pass"))) == []
