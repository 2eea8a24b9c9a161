"""Servers that are wrong in how they read their configuration, at their start and at SIGHUP."""

import dataclasses
from pathlib import Path
from typing import Any

from msgspec.structs import replace

from bodhisattva.servers.core import config, settings_loader
from bodhisattva.servers.core.config import Config, ConfigError
from bodhisattva.servers.core.connections.session_settings import SessionSettings
from bodhisattva.servers.core.drain import GOING_AWAY
from bodhisattva.servers.core.reload import Reloader
from bodhisattva.servers.core.server import Server
from bodhisattva.servers.core.transport.acceptor import Acceptor
from bodhisattva.servers.core.transport.frame_reader import FrameReader
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "TLS-230",
    wrong="counts no sockets any more once its certificate is renewed",
    failure="in vain for: the end of sockets over the limit",
)
def counts_no_sockets_after_a_reload(inject: Inject) -> None:
    renew = Acceptor.renew

    def renew_and_admit(acceptor: Acceptor, context: Any) -> None:
        renew(acceptor, context)
        acceptor._admits = lambda _: True

    inject(Acceptor, "renew", renew_and_admit)


@mutant(
    "TLS-016",
    wrong="goes on showing the certificate that it was started with",
    failure="in vain for: the new certificate is shown",
)
def keeps_the_old_certificate_after_a_reload(inject: Inject) -> None:
    def keep(*_: object) -> None:
        """The context of the start stays."""

    inject(Acceptor, "renew", keep)


@mutant(
    "LIFECYCLE-022",
    wrong="takes no longer messages from a connection than when it was opened, whatever is claimed since",
    failure="the connection ended Close(code=1009, reason='') before the answer to long",
)
def reads_as_much_as_it_did_at_first(inject: Inject) -> None:
    def ignore(_frame_reader: FrameReader) -> None:
        """Everybody is read as before."""

    inject(FrameReader, "renew", ignore)


@mutant(
    "LIFECYCLE-023",
    wrong="does not notice by itself that its configuration has changed",
    failure="in vain for: the changed limit is claimed",
)
def ignores_its_changed_configuration(inject: Inject) -> None:
    versions = Reloader._versions

    def versions_of_others(reloader: Reloader) -> Any:
        reloader._file = None
        return versions(reloader)

    inject(Reloader, "_versions", versions_of_others)


@mutant(
    "TLS-018",
    wrong="does not notice by itself that its files have changed",
    failure="in vain for: the new certificate is shown",
)
def waits_for_signals_only(inject: Inject) -> None:
    async def wait_for_signals(_: Reloader) -> None:
        """A signal will come."""

    inject(Reloader, "watch", wait_for_signals)


@mutant(
    "LIFECYCLE-016",
    wrong="closes its connections when it reads its configuration again",
    failure="the connection ended",
)
def drops_its_connections_at_a_reload(inject: Inject) -> None:
    reload = Server.reload

    def reload_and_close(server: Server) -> None:
        reload(server)
        for connection in server.parts.connections:
            connection.close(GOING_AWAY, "Come again")

    inject(Server, "reload", reload_and_close)


@mutant("LIFECYCLE-016", wrong="ignores SIGHUP", failure="in vain for: the new limit is claimed")
def ignores_sighup(inject: Inject) -> None:
    def ignore(_reloader: Reloader) -> None:
        """Everything stays as it is."""

    inject(Reloader, "reload", ignore)


@mutant(
    "TLS-017",
    wrong="does not log that a renewed certificate cannot be used",
    failure="a line of the log about the certificate",
)
def does_not_log_bad_certificates(inject: Inject) -> None:
    reload = Reloader.reload

    def reload_if_whole(reloader: Reloader) -> None:
        try:
            settings_loader.check(reloader._loader.read())
        except ConfigError:
            return
        reload(reloader)

    inject(Reloader, "reload", reload_if_whole)


@mutant(
    "LIFECYCLE-017",
    wrong="goes on judging tokens by the secret that it was started with",
    failure="in vain for: a token of the new secret is accepted",
)
def keeps_its_secret_after_a_reload(inject: Inject) -> None:
    reload = Reloader.reload

    def reload_but_the_secret(reloader: Reloader) -> None:
        current = reloader._current
        verifier = current.value.verifier
        reload(reloader)
        current.value = dataclasses.replace(current.value, verifier=verifier)

    inject(Reloader, "reload", reload_but_the_secret)


@mutant(
    "LIFECYCLE-015",
    wrong="does not log that a reload was refused",
    failure="in vain for: the log names the broken setting",
)
def does_not_report_a_failed_reload(inject: Inject) -> None:
    reload = Reloader.reload

    def reload_or_not(reloader: Reloader) -> None:
        try:
            reloader._loader.read()
        except ConfigError:
            return
        reload(reloader)

    inject(Reloader, "reload", reload_or_not)


@mutant("TLS-017", wrong="stops listening once a renewed certificate cannot be used", failure="assert None == b")
def stops_listening_after_a_failed_reload(inject: Inject) -> None:
    reload = Server.reload

    def reload_or_close(server: Server) -> None:
        before = server.config
        reload(server)
        if server.config is before and server._acceptor is not None:
            server._acceptor.close()

    inject(Server, "reload", reload_or_close)


@mutant(
    "LIFECYCLE-015",
    wrong="puts a limit in force that stands in a configuration that it refuses",
    failure="subscribe was refused",
)
def applies_part_of_a_refused_configuration(inject: Inject) -> None:
    reload = Reloader.reload

    def reload_in_part(reloader: Reloader) -> None:
        before = reloader._current.config
        reload(reloader)
        if reloader._current.config is before:
            refused = replace(before.limits, channels=1)
            inject(SessionSettings, "limits", property(lambda _: refused))

    inject(Reloader, "reload", reload_in_part)


@mutant("LIFECYCLE-011", wrong="passes over settings that it does not know", failure="in vain for: the end of")
def passes_over_unknown_settings(inject: Inject) -> None:
    read = config._read

    def read_what_is_known(file: Path) -> dict[str, Any]:
        return {key: value for key, value in read(file).items() if key in Config.__struct_fields__}

    inject(config, "_read", read_what_is_known)
