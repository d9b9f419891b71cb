"""`python -m cnnfast.cli` is `cnnfast`."""

import sys

from cnnfast.cli import main

sys.exit(main())
