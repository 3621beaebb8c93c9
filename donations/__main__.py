"""``python -m donations`` is the ``donations`` command."""

import sys

from donations.cli import main

sys.exit(main())
