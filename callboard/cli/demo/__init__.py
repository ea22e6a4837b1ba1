"""The demo: the whole path once."""

from callboard.cli.demo.command import demo

__all__ = ["demo"]
