"""One module a command; each has `run(options, rest) -> exit status`."""
