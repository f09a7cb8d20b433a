"""Run the command line as ``python -m overtile``."""

from overtile.cli.main import main

raise SystemExit(main())
