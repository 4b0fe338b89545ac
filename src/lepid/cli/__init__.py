"""The command line: one function per command, no physics."""
