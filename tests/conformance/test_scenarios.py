"""Every backend goes through every scenario; where it cannot, its entry in `backends` says what happens instead."""

import pytest

from tests.conformance.backends import BACKENDS, Backend
from tests.conformance.measuring import Measurements
from tests.conformance.scenarios import YES
from tests.conformance.suite import SCENARIOS

pytestmark = pytest.mark.blocking_allowed("LiteLLM asks for paths of files on the event loop")


@pytest.mark.parametrize("scenario", SCENARIOS)
@pytest.mark.parametrize("backend", BACKENDS, ids=[backend.name for backend in BACKENDS])
def test_conformance(measurements: Measurements, backend: Backend, scenario: str) -> None:
    assert measurements.scenario(backend, scenario, SCENARIOS[scenario]) == backend.limits.get(scenario, YES)
