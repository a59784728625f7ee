"""What Prometheus gets."""

from prometheus_client.parser import text_string_to_metric_families

from openrouter_anthropic_server.observability.metrics import RecordingFigures, exposition

PREFIX = "openrouter_anthropic_server_"
FIGURES = RecordingFigures(
    recorder_up=True,
    prefect_reachable=False,
    backlog=3,
    lag_seconds=1.5,
    recorded=10,
    retried=2,
    dropped=1,
    spool_bytes=4096,
    spool_max_bytes=8192,
    spool_dropped=5,
    open_runs=7,
)


def samples(figures: RecordingFigures = FIGURES) -> dict[str, float]:
    families = text_string_to_metric_families(exposition(figures).decode())
    return {sample.name: sample.value for family in families for sample in family.samples}


def test_every_figure_is_there_under_the_servers_name() -> None:
    found = samples()

    assert {name.removeprefix(PREFIX): value for name, value in found.items() if "process" not in name} == {
        "recorder_up": 1.0,
        "prefect_reachable": 0.0,
        "backlog_records": 3.0,
        "lag_seconds": 1.5,
        "spool_bytes": 4096.0,
        "spool_max_bytes": 8192.0,
        "open_runs": 7.0,
        "runs_recorded_total": 10.0,
        "runs_retried_total": 2.0,
        "runs_dropped_total": 1.0,
        "spool_dropped_total": 5.0,
    }
    assert all(name.startswith(PREFIX) for name in found)


def test_the_figures_of_the_process_are_there_too() -> None:
    assert samples()[f"{PREFIX}process_resident_memory_bytes"] > 1_000_000


def test_every_family_says_what_it_is() -> None:
    families = list(text_string_to_metric_families(exposition(FIGURES).decode()))

    assert [family.name for family in families if not family.documentation or family.type == "unknown"] == []
    assert [family.name for family in families if "of them" in family.documentation] == []
