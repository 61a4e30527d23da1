"""Make `python -m sandbox` work."""

import sys

from sandbox.cli import main

sys.exit(main())
