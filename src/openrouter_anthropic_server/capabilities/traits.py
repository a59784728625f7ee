"""What an upstream and a model can do, as far as it is known."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What one model takes behind one upstream. None and the defaults mean: not known to be limited.

    Of the upstream: `fields`, the top-level fields of a request that it takes on its wire; `refused_fields`, dotted
    paths of what it does not take although it takes the rest of the field (`output_config.task_budget`); `betas`,
    globs of the beta values that it takes; `beta_fields`, for globs of betas the paths of the fields that they unlock;
    `server_tools`, globs of the tool types that it runs itself.

    Of the model: `sampling`, names of the sampling parameters it takes; `thinking`, the types of `thinking`;
    `efforts`, the levels of effort, lowest first; `context_window` (input and answer together), `max_input` (where
    that is less) and `max_output` in tokens; `beta_limits`, what betas raise them to, each as glob, name of the limit
    and tokens; `max_tools` and `max_stop_sequences`, counts; the rest says whether it takes such content or requests.
    """

    fields: frozenset[str] | None = None
    refused_fields: frozenset[str] = frozenset()
    betas: tuple[str, ...] | None = None
    beta_fields: tuple[tuple[str, tuple[str, ...]], ...] = ()
    beta_limits: tuple[tuple[str, str, int], ...] = ()
    server_tools: tuple[str, ...] | None = None
    sampling: frozenset[str] | None = None
    thinking: frozenset[str] | None = None
    efforts: tuple[str, ...] | None = None
    context_window: int | None = None
    max_input: int | None = None
    max_output: int | None = None
    max_tools: int | None = None
    max_stop_sequences: int | None = None
    tools: bool = True
    parallel_tools: bool = True
    images: bool = True
    pdfs: bool = True
    structured_output: bool = True
    prefill: bool = True
    system_messages: bool = True


UNLIMITED = Capabilities()
"""Nothing is known."""
