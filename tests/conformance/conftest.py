"""One set of measurements for all tests of this folder."""

from collections.abc import Iterator

import pytest

from tests.conformance.measuring import Measurements


@pytest.fixture(scope="package")
def measurements() -> Iterator[Measurements]:
    """What is seen of each backend; applications and fakes are started on first use."""
    measured = Measurements()
    yield measured
    measured.close()
