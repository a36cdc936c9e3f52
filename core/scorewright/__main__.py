"""``python -m scorewright``: the same as the command."""

from __future__ import annotations

from scorewright.cli import main

if __name__ == "__main__":
    main()
