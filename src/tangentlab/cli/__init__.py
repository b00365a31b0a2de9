"""The command line: it parses, calls and prints, and imports torch only when a command needs it."""

from tangentlab.cli.app import main as main
