"""`python -m lepid`."""

from __future__ import annotations

import sys

from lepid.cli.main import main

sys.exit(main())
