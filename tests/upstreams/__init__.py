"""Fake upstreams on real sockets: scripted per request, with the quirks recorded from the real ones."""
