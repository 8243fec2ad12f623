"""The command ``rungs``: a module for each subcommand, light until it runs."""
