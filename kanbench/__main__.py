"""The entry: `python -m kanbench experiment=feynman basis=bspline`."""

import sys

from kanbench.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
