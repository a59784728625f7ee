"""One suite over both engines: what flows give, raise and leave behind, in a recorded run and under Prefect's own."""

import pytest

from tests.flows.example_flows import EXAMPLES, Example
from tests.flows.recorded_shapes import run_by_prefect, run_inline

pytestmark = [
    pytest.mark.timeout(180),
    pytest.mark.blocking_allowed("Prefect starts its server and its clients synchronously"),
    pytest.mark.usefixtures("prefect_server"),
    # Prefect's own clients leave sockets, and its engine generators, to the collector.
    pytest.mark.filterwarnings("ignore::ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"),
]


@pytest.mark.parametrize("example", EXAMPLES, ids=[example.name for example in EXAMPLES])
async def test_both_engines_agree_on(example: Example) -> None:
    inline = await run_inline(example.call)
    expected = example.shape(inline.shape)

    prefect = await run_by_prefect(example.call, expected, example.left_open)

    assert prefect.result == inline.result
    if example.error is None:
        assert repr(prefect.error) == repr(inline.error)
    else:
        assert isinstance(prefect.error, example.error)
        assert isinstance(inline.error, TimeoutError)
    assert prefect.shape.without(example.left_open) == expected.without(example.left_open)
    assert prefect.shape.follows - example.knows_more <= inline.shape.follows_somehow()
