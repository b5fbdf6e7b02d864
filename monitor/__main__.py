"""`python -m monitor`: the command line where the command `credit-monitor` is not on the path."""

from __future__ import annotations

from monitor.cli import main

if __name__ == "__main__":
    main()
