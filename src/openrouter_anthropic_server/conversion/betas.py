"""Which of a client's beta values an upstream gets: those that it knows and whose fields it takes."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache

from openrouter_anthropic_server.capabilities.globs import matches_glob
from openrouter_anthropic_server.capabilities.traits import Capabilities
from openrouter_anthropic_server.conversion.notes import Note


@dataclass(frozen=True, slots=True)
class FittedBetas:
    """The comma list to send, "" for none, and a note on each value that is left out."""

    sent: str
    notes: tuple[Note, ...] = ()


def fit_betas(betas: str, capabilities: Capabilities) -> FittedBetas:
    """The comma list `betas` as the upstream takes it; the same text if it takes them all."""
    if not betas or (capabilities.betas is None and capabilities.fields is None and not capabilities.refused_fields):
        return FittedBetas(betas)
    return _fitted(betas, capabilities)


@lru_cache(maxsize=256)
def _fitted(betas: str, capabilities: Capabilities) -> FittedBetas:
    values = [value for part in betas.split(",") if (value := part.strip())]
    left_out = [value for value in values if not _is_taken(value, capabilities)]
    if not left_out:
        return FittedBetas(betas)
    sent = ",".join(value for value in values if value not in left_out)
    notes = (Note("not_sent", "anthropic-beta", f"{value}: the upstream does not take it") for value in left_out)
    return FittedBetas(sent, tuple(notes))


def _is_taken(beta: str, capabilities: Capabilities) -> bool:
    if capabilities.betas is not None and not any(matches_glob(beta, glob) for glob in capabilities.betas):
        return False
    unlocked = list(_unlocked(beta, capabilities))
    return not unlocked or any(takes_field(path, capabilities) for path in unlocked)


def _unlocked(beta: str, capabilities: Capabilities) -> Iterator[str]:
    for glob, paths in capabilities.beta_fields:
        if matches_glob(beta, glob):
            yield from paths


def takes_field(path: str, capabilities: Capabilities) -> bool:
    """Whether the upstream takes the field at a dotted path, or the top-level field of that name."""
    field = path.partition(".")[0]
    if path in capabilities.refused_fields or field in capabilities.refused_fields:
        return False
    return capabilities.fields is None or field in capabilities.fields
