"""The command line: thin shells over the library, one file a command group."""

from __future__ import annotations

from bot.cli.main import main

__all__ = ["main"]
