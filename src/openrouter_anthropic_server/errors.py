"""The error tree: each error knows its Anthropic type, its HTTP status and whether a retry can help.

GatewayError
├── InvalidRequestError        400 invalid_request_error   the client must change the request
├── AuthenticationError        401 authentication_error    the client must change its key
├── BillingError               402 billing_error           the account needs credit
├── PermissionDeniedError      403 permission_error        the account may not do this
├── NotFoundError              404 not_found_error         no such path, model or object
├── MethodNotAllowedError      405 invalid_request_error   the path exists, the method does not
├── ConflictError              409 conflict_error          the object is in another state
├── RequestTooLargeError       413 request_too_large       the body is too big
├── RateLimitError             429 rate_limit_error        later, `retry-after` says when
├── InternalError              500 api_error               a bug of this server
├── NotSupportedError          501 api_error               this server or backend cannot do it
├── UpstreamError              502 api_error               the upstream failed or made no sense
│   └── UpstreamServerError    500 api_error               it says so itself
├── UpstreamTimeoutError       504 timeout_error           the upstream was silent for too long
└── OverloadedError            529 overloaded_error        the upstream is overloaded
"""

from collections.abc import Mapping
from typing import Any, ClassVar


class GatewayError(Exception):
    """An answer that is an error, in the terms of the Anthropic API.

    `message` reaches the client: it never holds keys, upstream addresses, paths or stack traces.
    `headers` are sent with the answer (`retry-after`, rate limits). `final` becomes
    `x-should-retry: false`: repeating the same request cannot help.
    """

    status: ClassVar[int] = 500
    type: ClassVar[str] = "api_error"
    final: ClassVar[bool] = False

    def __init__(
        self,
        message: str,
        *,
        headers: Mapping[str, str] | None = None,
        error_code: str | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.headers: Mapping[str, str] = headers or {}
        self.error_code = error_code

    def envelope(self, request_id: str) -> dict[str, Any]:
        """The body of the answer: `{"type": "error", "error": {...}, "request_id": ...}`."""
        error: dict[str, Any] = {"type": self.type, "message": self.message}
        if self.error_code is not None:
            error["details"] = {"error_code": self.error_code}
        return {"type": "error", "error": error, "request_id": request_id}


class InvalidRequestError(GatewayError):
    """400: the request is wrong; the message names the field."""

    status = 400
    type = "invalid_request_error"
    final = True


class AuthenticationError(GatewayError):
    """401: the key is missing or wrong, here or at the upstream."""

    status = 401
    type = "authentication_error"
    final = True


class BillingError(GatewayError):
    """402: the upstream account has no credit left."""

    status = 402
    type = "billing_error"
    final = True


class PermissionDeniedError(GatewayError):
    """403: the key may not do this."""

    status = 403
    type = "permission_error"
    final = True


class NotFoundError(GatewayError):
    """404: no such path, model or object."""

    status = 404
    type = "not_found_error"
    final = True


class MethodNotAllowedError(GatewayError):
    """405: the path exists, but not with this method."""

    status = 405
    type = "invalid_request_error"
    final = True


class ConflictError(GatewayError):
    """409: the object is not in a state that allows this."""

    status = 409
    type = "conflict_error"


class RequestTooLargeError(GatewayError):
    """413: the body is larger than this server or the upstream takes."""

    status = 413
    type = "request_too_large"
    final = True


class RateLimitError(GatewayError):
    """429: too many requests; `retry-after` is kept where the upstream sent one."""

    status = 429
    type = "rate_limit_error"


class InternalError(GatewayError):
    """500: a bug of this server. The message says nothing about its inside."""

    status = 500
    type = "api_error"


class NotSupportedError(GatewayError):
    """501: neither this server nor the chosen backend can do it."""

    status = 501
    type = "api_error"
    final = True


class UpstreamError(GatewayError):
    """502: the upstream failed, was unreachable or answered something that makes no sense."""

    status = 502
    type = "api_error"


class UpstreamServerError(UpstreamError):
    """500: the upstream reports an error of its own."""

    status = 500


class UpstreamTimeoutError(GatewayError):
    """504: the upstream said nothing for too long."""

    status = 504
    type = "timeout_error"


class OverloadedError(GatewayError):
    """529: the upstream is overloaded."""

    status = 529
    type = "overloaded_error"
