"""The page of the documentation is what is measured."""

import difflib

import pytest

from tests.conformance.document import PATH, document
from tests.conformance.measuring import Measurements

pytestmark = [
    pytest.mark.blocking_allowed("LiteLLM asks for paths of files on the event loop"),
    pytest.mark.timeout(300),  # alone it has everything to measure; after the other tests of the folder nothing
]


def test_the_compatibility_page_is_up_to_date(measurements: Measurements) -> None:
    written = PATH.read_text(encoding="utf-8").splitlines() if PATH.is_file() else []

    changed = list(difflib.unified_diff(written, document(measurements).splitlines(), "written", "measured", n=0))

    assert changed == [], "Run `make compat` and look at what it changes."
