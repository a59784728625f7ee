"""What an upstream can say in a stream, one small type each. `deltas.py` reads them from chunks."""

from dataclasses import dataclass
from typing import Any

from openrouter_anthropic_server.anthropic_types.response import Citation
from openrouter_anthropic_server.conversion.notes import Note
from openrouter_anthropic_server.errors import GatewayError
from openrouter_anthropic_server.openai_types.chat import ChatUsage


@dataclass(frozen=True, slots=True)
class TextDelta:
    """More text of the answer; never empty."""

    text: str


@dataclass(frozen=True, slots=True)
class ThinkingDelta:
    """More visible thinking; never empty. `index` is the upstream's number of the thinking block, if it has one."""

    text: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class SignatureDelta:
    """The whole signature that Anthropic gave to a thinking block."""

    signature: str
    index: int | None = None


@dataclass(frozen=True, slots=True)
class RedactedThinking:
    """A whole block of thinking that only Anthropic can read."""

    data: str


@dataclass(frozen=True, slots=True)
class ForeignReasoning:
    """A `reasoning_details` entry, or a piece of one, of another vendor; to be sent back as it is."""

    detail: dict[str, Any]


@dataclass(frozen=True, slots=True)
class ToolCallDelta:
    """A tool call or a piece of one. `index` tells which call; some upstreams leave it out."""

    index: int | None
    id: str | None
    name: str | None
    arguments: str


@dataclass(frozen=True, slots=True)
class CitationDelta:
    """A source of the text, in Anthropic's form."""

    citation: Citation


@dataclass(frozen=True, slots=True)
class Finish:
    """The model ended its answer; chunks with content or usage may still follow."""

    reason: str
    native_reason: str | None = None


@dataclass(frozen=True, slots=True)
class UsageDelta:
    """Token totals; a later one replaces an earlier one."""

    usage: ChatUsage


@dataclass(frozen=True, slots=True)
class Failure:
    """The upstream reports that the answer failed."""

    error: GatewayError


@dataclass(frozen=True, slots=True)
class NotRepresented:
    """Something the answer held that the Messages API has no place for; for the run's list of notes."""

    note: Note


ContentDelta = (
    TextDelta
    | ThinkingDelta
    | SignatureDelta
    | RedactedThinking
    | ForeignReasoning
    | ToolCallDelta
    | CitationDelta
    | NotRepresented
)
Delta = ContentDelta | Finish | UsageDelta | Failure
