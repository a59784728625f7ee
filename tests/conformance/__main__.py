"""`make compat`: measures everything and writes the page."""

from contextlib import closing

from tests.conformance.document import PATH, document
from tests.conformance.measuring import Measurements

with closing(Measurements()) as measured:
    PATH.write_text(document(measured), encoding="utf-8")
