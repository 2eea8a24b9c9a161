"""The console command: serve a fleet, mint tokens, show the configuration. The suite adds its own commands.

Each command imports what it needs, so that `serve` handles signals before the slow imports.
"""

import asyncio
import sys
from functools import cache
from importlib.metadata import EntryPoints, entry_points
from pathlib import Path
from typing import Any

import click

from bodhisattva.servers import signals
from bodhisattva.servers.log_tools.command import log
from bodhisattva.servers.options import BAD_INPUT, CONFIG, InOneLine, one_line
from bodhisattva.servers.token_command import token


@cache
def _extensions() -> EntryPoints:
    return entry_points(group="bodhisattva.commands")


class Extensible(InOneLine, click.Group):
    """A group with further commands from the entry points `bodhisattva.commands`, loaded on use."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *sorted(_extensions().names)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        own = super().get_command(ctx, cmd_name)
        if own is not None or cmd_name not in _extensions().names:
            return own
        try:
            loaded: click.Command = _extensions()[cmd_name].load()
        except ModuleNotFoundError as missing:
            return _unavailable(cmd_name, str(missing.name))
        return loaded


def _unavailable(name: str, missing: str) -> click.Command:
    """A command that names the missing package, where the suite or a package that it needs is not installed."""
    ours = missing.partition(".")[0] == __name__.partition(".")[0]
    way = "this is the wheel of the services alone; in a checkout, `pip install '.[suite]'` brings the suite"
    hint = way if ours else "install 'bodhisattva-conformance[suite]'"

    def refuse() -> None:
        click.echo(f"bodhisattva: {missing} is missing; {hint}", err=True)
        sys.exit(BAD_INPUT)

    text = "Needs the suite, which is not installed here." if ours else "Needs the packages of the extra `suite`."
    whatever = {"ignore_unknown_options": True, "allow_extra_args": True}
    return click.Command(name, callback=refuse, help=text, context_settings=whatever)


@click.group(cls=Extensible, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="bodhisattva-conformance")
def main() -> None:
    """WebSocket services that lose no acknowledged event, and the suite that proves it of any fleet.

    \b
    A first look, without any set-up:
      bodhisattva serve all --auth disabled
    With tokens:
      export BODHISATTVA_TOKENS__SECRET=$(openssl rand -hex 32)
      bodhisattva serve all &
      bodhisattva token alice -p mahavishnu:write
    Judge a fleet that somebody else runs:
      bodhisattva check target.yaml
    Judge and break the services of this checkout:
      ./ci/nox -s conformance
      ./ci/nox -s chaos

    Bad input is one line and exit code 2.
    """


@one_line
def _list() -> None:
    from bodhisattva.servers.registry import services

    click.echo("\n".join(services()))


def _list_and_end(ctx: click.Context, _: click.Parameter, wanted: bool) -> None:
    if wanted:
        _list()
        ctx.exit()


@main.command()
@click.argument("names", nargs=-1, required=True, metavar="SERVICE...")
@click.option(
    "--list",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_list_and_end,
    help="Name the services that can be served, a line each, and end.",
)
@CONFIG
@click.option("--host", help="Address to bind; default 127.0.0.1.")
@click.option("--port", type=int, help="Port of a single service; default its own.")
@click.option("--state", help="Folder for the logs of events; default ./state.")
@click.option("--auth", type=click.Choice(["required", "disabled"]), help="Disabled is for loopback only.")
@one_line
def serve(names: tuple[str, ...], file: Path | None, **options: Any) -> None:
    """Run services in this process.

    SERVICE is the name of one, may be given again for more, or is `all`.

    SIGTERM drains and exits 0, a second SIGTERM stops at once, SIGHUP reloads certificates, secrets and limits.
    """
    signals.before_loop()
    from bodhisattva.servers import fleet
    from bodhisattva.servers.core import event_loop, run
    from bodhisattva.servers.core.telemetry import logs

    overrides = {key: value for key, value in options.items() if value is not None}
    servers = fleet.build(names, file, overrides)
    logs.configure(servers[0].config.logging)
    with asyncio.Runner(loop_factory=event_loop.factory(servers[0].config)) as runner:
        runner.run(run.serve(servers))
    signals.after_loop()


@main.command()
@click.argument("service", default="")
@CONFIG
@one_line
def config(service: str, file: Path | None) -> None:
    """Print the settings in force.

    Every default is included, secrets are hidden. With SERVICE, the file's part for that service counts too.
    """
    from bodhisattva.servers import fleet
    from bodhisattva.servers.core import config as configuration

    if service:
        fleet.chosen([service])
    click.echo(configuration.as_yaml(configuration.load(service, file)), nl=False)


for command in (log, token):
    main.add_command(command)


if __name__ == "__main__":
    main()
