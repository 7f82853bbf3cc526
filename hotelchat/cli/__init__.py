"""The command line: one command group a file, each a thin door to a service."""

from __future__ import annotations

import sys

import click

from hotelchat import log, settings
from hotelchat.cli import hotel, migrate, process, serve, user
from hotelchat.cli.process import Processes
from hotelchat.errors import HotelChatError

__all__ = ["Processes", "run"]


@click.group(invoke_without_command=True, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="hotelchat", prog_name="HotelChat")
@click.pass_context
def cli(context: click.Context) -> None:
    """The guest-messaging desk for hotels. Without a command: serve the web app."""
    if context.invoked_subcommand is None:
        context.exit(serve.serve())


cli.add_command(serve.demo)
cli.add_command(serve.worker)
cli.add_command(migrate.migrate)
cli.add_command(user.user)
cli.add_command(hotel.hotel)
cli.add_command(process.process)


def run(processes: Processes) -> int:
    """Run the command line.

    Returns: 0 on success; 1 on failure, with one sentence on standard error; 2 on wrong usage.
    """
    try:
        current = settings.current()
        log.configure(_log_level(current.log_level), current.log_format)
        result = cli.main(obj=processes, standalone_mode=False)
        return result if isinstance(result, int) else 0
    except click.exceptions.Abort:
        return 1
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except HotelChatError as error:
        sys.stderr.write(f"{error}\n")
        return process.EX_CONFIG if "process" in sys.argv[1:2] else 1


def _log_level(level: str) -> str:
    """A command says in one sentence what went wrong, without lines of what it started; a server tells everything."""
    serves = not sys.argv[1:] or sys.argv[1] in {"demo", "worker", "process"}
    return level if serves or level == "DEBUG" else "WARNING"
