"""The project's own benchmark: this server and a bare pass-through, side by side, in one run."""
