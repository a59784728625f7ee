"""What to look at when a run did not end well, by the kind of its failure."""

_RUN_STATES = {
    "Cancelled": "The client left before the answer was complete. Tokens are those that the upstream had told by then.",
    "Crashed": "The server process that served this request ended before the request did.",
}
_KINDS = {
    "InvalidRequestError": "The request is wrong; the client was told which field.",
    "AuthenticationError": "The upstream does not take the key of this server: check it in the settings.",
    "BillingError": "The upstream account has no credit left.",
    "PermissionDeniedError": "The upstream account may not do this, or not with this model.",
    "NotFoundError": "The upstream has no such model or path: check the model's name and the aliases.",
    "RequestTooLargeError": "The request is larger than the upstream takes.",
    "RateLimitError": "The upstream limits the rate; the client was told when to try again, if the upstream told.",
    "NotSupportedError": "The chosen backend cannot do what was asked.",
    "UpstreamError": "The upstream failed, could not be reached, or its answer broke off or made no sense.",
    "UpstreamServerError": "The upstream reports an error of its own.",
    "UpstreamTimeoutError": "The upstream said nothing for too long: see the time limits in the settings.",
    "EndNotRecorded": "The spool had no room for the end of this run: see SPOOL_MAX_MB and the disk.",
    "OverloadedError": "The upstream is overloaded; the client may try again later.",
}
_BUG = "Nobody expected this failure: the log line `bug` of this request has the stack trace."


def hint(kind: str, name: str) -> str:
    """Two sentences, in Markdown; `kind` is an exception's class or the state of a run, `name` the request id."""
    words = _RUN_STATES.get(kind) or _KINDS.get(kind) or _BUG
    return f"{words} The server's log holds the lines of this request under its id, `{name}`."
