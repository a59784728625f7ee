"""Matching of names with globs."""

from fnmatch import fnmatchcase

_SPECIAL = frozenset("*?[")


def matches_glob(name: str, glob: str) -> bool:
    """As `fnmatchcase`; plain names and prefixes with one `*` at the end, nearly all there are, need no regex."""
    prefix = glob.removesuffix("*")
    if not _SPECIAL.isdisjoint(prefix):
        return fnmatchcase(name, glob)
    return name == glob if prefix == glob else name.startswith(prefix)
