"""Two studies' files side by side; :mod:`rungs.records.comparison.studies` is the command."""
