"""``python -m rungs``: the command where its script is not on the path."""

import sys

from rungs.cli.main import main

sys.exit(main())
