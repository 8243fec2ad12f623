"""In every process that a test starts: modules that are as if they were not installed.

Python imports this module when it starts.
"""

import os
import sys

for name in filter(None, os.environ.get("RUNGS_TEST_ABSENT", "").split(",")):
    # Importing it fails then, and looking for it finds nothing.
    sys.modules[name] = None
