"""Refusals of thinking in the words that upstreams were seen to use, and refusals that are about something else."""

import pytest

from openrouter_anthropic_server.conversion.thinking_refusals import Refused, refused_blocks, refuses_thinking

SIGNATURES = [
    "messages.1.content.0: Invalid `signature` in `thinking` block",
    "messages.3.content.13: Invalid signature in thinking block",
    "messages.1.content.2: Invalid `data` in `redacted_thinking` block",
    "InvokeModelWithResponseStream: operation error Bedrock Runtime: https response error StatusCode: 400, "
    "ValidationException: ***.***.content.0: Invalid `signature` in `thinking` block (request id: x)",
    '{"type":"error","error":{"message":"messages.1.content.0: Invalid `signature` in `thinking`       block"}}',
    "Corrupted thought signature.",
    "Invalid thought signature.",
    "Unable to submit request because Thought signature is not valid.. Learn more: https://cloud.google.com",
    "The encrypted content for item rs_1 could not be verified. Reason: it was tampered with",
    "invalid_encrypted_content: the item cannot be read",
]
MISSING = [
    "messages.129.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. When `thinking` is "
    "enabled, a final `assistant` message must start with a thinking block",
]
LAST_TURN = [
    "messages.3.content.7: `thinking` or `redacted_thinking` blocks in the latest assistant message cannot be modified."
    " These blocks must remain as they were in the original response.",
]
CONVERSATIONS = [
    "messages.1.content.0: Invalid `signature` in `thinking` block. The block is bound to a different conversation. "
    'Remove the block, or set `thinking.block_binding.prefix_mismatch_behavior` to "drop_block".',
]


@pytest.mark.parametrize("message", [*SIGNATURES, *MISSING, *LAST_TURN, *CONVERSATIONS])
def test_refusals_of_thinking_are_known(message: str) -> None:
    assert refuses_thinking(message)


@pytest.mark.parametrize(
    "message",
    [
        "thinking.budget_tokens: must be less than max_tokens",
        "thinking.type: Input should be 'disabled', 'enabled' or 'adaptive'",
        "Function call is missing a thought_signature in functionCall parts.",
        "adaptive thinking is not supported on this model",
        "Invalid signature for the AWS request",
        "messages.1.content.0.thinking: Field required",
        "",
    ],
)
def test_other_refusals_are_not_taken_for_them(message: str) -> None:
    assert not refuses_thinking(message)


@pytest.mark.parametrize(
    ("messages", "refused"),
    [(SIGNATURES, "foreign"), (MISSING, "nothing"), (LAST_TURN, "last_turn"), (CONVERSATIONS, "all")],
)
def test_it_is_told_which_blocks_a_refusal_can_have_meant(messages: list[str], refused: Refused) -> None:
    assert {refused_blocks(message) for message in messages} == {refused}
