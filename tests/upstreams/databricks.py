"""A fake Databricks workspace: both forms of its API on both wires, strict as the real one, and its OAuth."""

import json
from base64 import b64encode
from dataclasses import replace
from typing import Any

from tests.upstreams import databricks_chat, messages_wire
from tests.upstreams.answers import Answer, ApiError, RedactedThinking, Thinking, Wire
from tests.upstreams.databricks_checks import Signed, problem
from tests.upstreams.received import Received
from tests.upstreams.script import Script, json_script
from tests.upstreams.server import FakeUpstream, Reply

PERSONAL_TOKEN = "dapi0123456789abcdef0123456789abcdef"
CLIENT_ID = "11111111-2222-3333-4444-555555555555"
CLIENT_SECRET = "dose0123456789abcdef0123456789abcdef"
TOKEN_PATH = "/oidc/v1/token"

WIRES: dict[str, Wire] = {
    "/serving-endpoints/anthropic/v1/messages": "messages",
    "/serving-endpoints/chat/completions": "chat",
    "/ai-gateway/anthropic/v1/messages": "messages",
    "/ai-gateway/mlflow/v1/chat/completions": "chat",
}
ENDPOINTS: dict[str, Any] = {
    "endpoints": [
        {"name": "databricks-claude-sonnet-4-5", "state": {"ready": "READY"}, "task": "llm/v1/chat"},
        {
            "name": "databricks-gpt-oss-120b",
            "state": {"ready": "READY"},
            "task": "llm/v1/chat",
            "creation_timestamp": 1763670000000,
        },
        {"name": "databricks-gte-large-en", "state": {"ready": "READY"}, "task": "llm/v1/embeddings"},
        {"name": "our-forecast", "state": {"ready": "READY"}},
        {"name": "our-chat", "state": {"ready": "NOT_READY"}, "task": "llm/v1/chat"},
    ]
}
GATEWAY_MODELS: dict[str, Any] = {
    "data": [{"id": "system.ai.claude-opus-5-5", "type": "model", "display_name": "Claude Opus 5.5"}],
    "has_more": False,
}
NAMES = {
    "serving-endpoints": {
        *("databricks-claude-sonnet-4-5", "databricks-claude-opus-5-5", "databricks-claude-sonnet-4"),
        *("databricks-gpt-oss-120b", "databricks-llama-4-maverick", "our-claude"),
    },
    "ai-gateway": {"system.ai.claude-sonnet-4-5", "system.ai.claude-opus-5-5", "system.ai.gpt-oss-120b"},
}
"""What can be asked; every other name is a 404."""

_WORDS = {400: "BAD_REQUEST", 401: "UNAUTHENTICATED", 404: "ENDPOINT_NOT_FOUND", 429: "REQUEST_LIMIT_EXCEEDED"}


class FakeDatabricks(FakeUpstream):
    """A workspace. `tokens` are those its OAuth handed out, the valid ones in `valid`; `signed` is its thinking."""

    def __init__(self) -> None:
        documents: dict[str, object] = {
            "/api/2.0/serving-endpoints": ENDPOINTS,
            "/ai-gateway/anthropic/v1/models": GATEWAY_MODELS,
        }
        super().__init__("", WIRES, documents)
        self.lifetime_seconds = 3600
        self.tokens: list[str] = []
        self.valid = {PERSONAL_TOKEN}
        self.signed: Signed = set()
        self.token_reply: ApiError | Script | None = None
        self.refusals: list[str] = []

    def reset(self) -> None:
        """The state of a new fake, except that tokens stay valid: the server still holds them."""
        super().reset()
        self.signed = set()
        self.lifetime_seconds = 3600
        self.token_reply = None
        self.refusals = []

    def revoke(self) -> None:
        """No token that was handed out is valid any more."""
        self.valid = {PERSONAL_TOKEN}

    def _script(self, received: Received) -> Script:
        if received.path == TOKEN_PATH:
            return self._token(received)
        if received.headers.get("authorization", "").removeprefix("Bearer ") not in self.valid:
            return _error(403, "403", "Invalid access token. [ReqId: 01234567-89ab]")
        wire = self._wire(received.path)
        refusal = None if wire is None else self._refusal(received, wire)
        if refusal is None:
            return super()._script(received)
        self.refusals.append(str(refusal.sent))
        return refusal

    def _refusal(self, received: Received, wire: Wire) -> Script | None:
        api = received.path.split("/")[1]
        if received.model not in NAMES[api]:
            return _error(404, "ENDPOINT_NOT_FOUND", f"Endpoint with name '{received.model}' does not exist.")
        why = problem(received.body, wire, self.signed)
        return None if why is None else _error(400, "BAD_REQUEST", json.dumps({"message": why}))

    def _token(self, received: Received) -> Script:
        basic = b64encode(f"{CLIENT_ID}:{CLIENT_SECRET}".encode()).decode()
        if isinstance(self.token_reply, Script):
            return self.token_reply
        if self.token_reply is not None:
            return _error(self.token_reply.status, "FAILED", self.token_reply.message)
        if received.headers.get("authorization") != f"Basic {basic}":
            answer = {"error": "invalid_client", "error_description": "Client authentication failed"}
            return json_script(answer, 401)
        if received.raw != b"grant_type=client_credentials&scope=all-apis":
            return json_script({"error": "invalid_request", "error_description": "wrong form"}, 400)
        token = f"eyJraWQ.fake-token-number-{len(self.tokens) + 1}.signature"
        self.tokens.append(token)
        self.valid.add(token)
        answer = {"access_token": token, "token_type": "Bearer", "scope": "all-apis"}
        return json_script(answer | {"expires_in": self.lifetime_seconds})

    def _render(self, reply: Reply, wire: Wire, received: Received) -> Script:
        match reply:
            case Script():
                return reply
            case ApiError(status, message):
                text = json.dumps({"message": message}) if status == 400 else message
                return _error(status, _WORDS.get(status, "INTERNAL_ERROR"), text, reply.headers)
            case Answer():
                self._remember(reply)
                script = _answer(reply, wire, received)
                return replace(script, before_headers=reply.pause_before_headers)

    def _remember(self, answer: Answer) -> None:
        for part in answer.parts:
            if isinstance(part, Thinking):
                self.signed.add((part.text, part.signature))
            elif isinstance(part, RedactedThinking):
                self.signed.add(("", part.data))


def _answer(answer: Answer, wire: Wire, received: Received) -> Script:
    if wire == "chat":
        write = databricks_chat.stream_answer if received.streaming else databricks_chat.json_answer
    else:
        write = messages_wire.stream_answer if received.streaming else messages_wire.json_answer
    return write(answer, received.model)


def _error(status: int, code: str, message: str, headers: dict[str, str] | None = None) -> Script:
    return json_script({"error_code": code, "message": message}, status, headers)
