"""`python -m openrouter_anthropic_server` is the console script."""

from openrouter_anthropic_server.cli import main

if __name__ == "__main__":
    main()
