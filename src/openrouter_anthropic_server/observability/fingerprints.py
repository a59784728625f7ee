"""Error fingerprints: the same cause has the same short name, whatever the message says."""

from hashlib import sha256

_PACKAGE = __name__.partition(".")[0]


def fingerprint(error: BaseException) -> str:
    """12 hex digits from the error's class and the innermost frame of this package on its way.

    Line numbers are left out, so that a fingerprint outlives unrelated edits.
    """
    place = ""
    frame = error.__traceback__
    while frame is not None:
        module = frame.tb_frame.f_globals.get("__name__", "")
        if module.startswith(_PACKAGE):
            place = f"{module}.{frame.tb_frame.f_code.co_name}"
        frame = frame.tb_next
    return sha256(f"{type(error).__name__}@{place}".encode()).hexdigest()[:12]
