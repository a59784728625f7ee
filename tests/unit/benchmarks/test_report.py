import pytest

from benchmarks.report import Budget, Row, Spread, percentile, ratios, table


def test_a_percentile_is_the_smallest_value_that_covers_the_share() -> None:
    values = [float(value) for value in range(100, 0, -1)]

    assert [percentile(values, share) for share in (0.5, 0.95, 0.99, 1.0)] == [50, 95, 99, 100]


@pytest.mark.parametrize("share", [0.0, 0.01, 0.5, 1.0])
def test_a_single_value_is_every_percentile(share: float) -> None:
    assert percentile([7.0], share) == 7.0


def test_no_value_has_no_percentile() -> None:
    with pytest.raises(ValueError, match="at least one value"):
        percentile([], 0.5)


def test_a_spread_holds_the_median_and_both_ends() -> None:
    assert Spread.of([3.0, 1.0, 2.0, 10.0]) == Spread(2.5, 1.0, 10.0)


def test_noise_is_the_width_of_the_spread_over_its_median() -> None:
    assert Spread.of([90.0, 100.0, 120.0]).noise == pytest.approx(0.3)


def test_ratios_compare_what_was_measured_in_the_same_round() -> None:
    slow_machine_in_round_two = ratios([500.0, 250.0, 510.0], [1000.0, 500.0, 1000.0])

    assert slow_machine_in_round_two == Spread(0.5, 0.5, 0.51)


def test_ratios_need_as_many_rounds_on_both_sides() -> None:
    with pytest.raises(ValueError, match="2 rounds of ours against 1 of theirs"):
        ratios([1.0, 2.0], [1.0])


def _row(ours: float | None, budget: Budget | None, ratio: Spread | None = None) -> Row:
    return Row("a case", "chat", ours, 1234.5, "/s", ratio, budget)


@pytest.mark.parametrize(("median", "verdict"), [(0.46, "ok"), (0.45, "ok"), (0.44, "over")])
def test_a_least_ratio_is_judged_by_the_median_of_the_ratios(median: float, verdict: str) -> None:
    row = _row(9000.0, Budget("at least", 0.45, "x"), Spread(median, 0.1, 0.9))

    assert row.verdict == verdict


@pytest.mark.parametrize(("ours", "verdict"), [(0.9, "ok"), (1.0, "ok"), (1.1, "over")])
def test_a_greatest_value_is_judged_by_our_own_value(ours: float, verdict: str) -> None:
    assert _row(ours, Budget("at most", 1.0, " ms")).verdict == verdict


@pytest.mark.parametrize(
    "row", [_row(5.0, None), _row(None, Budget("at most", 1.0)), _row(5.0, Budget("at least", 0.5))]
)
def test_without_a_budget_or_a_value_there_is_no_verdict(row: Row) -> None:
    assert row.verdict == "-"


def test_the_table_tells_value_ratio_budget_and_verdict_of_each_row() -> None:
    text = table([_row(560.25, Budget("at least", 0.45, "x"), Spread(0.4512, 0.44, 0.46))])

    *_, line = text.splitlines()
    assert line.split("  ")[0] == "a case"
    for part in ("chat", "560 /s", "1,234 /s", "0.45 (0.44-0.46)", ">= 0.45x", "ok"):
        assert part in line


def test_a_row_as_json_holds_the_verdict() -> None:
    assert _row(2.0, Budget("at most", 1.0, " ms")).as_json()["verdict"] == "over"
