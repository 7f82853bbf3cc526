"""The one door: serve, demo, worker, and the commands. Only it knows pages and jobs."""

from __future__ import annotations

import sys

from hotelchat.cli import Processes, run

PROCESSES = Processes(
    {
        "web": "pages.app:run",
        "demo-web": "pages.demo:run",
        "worker": "jobs.run:work",
        "scheduler": "jobs.run:schedule",
    }
)


def main() -> None:
    """Run the command line; exits with its status."""
    sys.exit(run(PROCESSES))


if __name__ == "__main__":
    main()
