"""Servers that are wrong in their well-known document."""

from typing import Any

from msgspec.structs import replace

from bodhisattva.servers.core import http
from bodhisattva.servers.core.channels import ChannelKind
from bodhisattva.servers.core.config import Config, Limits
from bodhisattva.servers.core.errors import InvalidChannel
from bodhisattva.servers.core.service import Service
from bodhisattva.suites.meta.inject import Inject, mutant


@mutant(
    "PROTOCOL-037", wrong="claims a channel that it does not have", failure="subscribe was refused", also=("AUTH-006",)
)
def lacks_a_channel_that_it_claims(inject: Inject) -> None:
    channel_kind = Service.channel_kind

    def channel_kind_but_one(service: Service, channel: str) -> ChannelKind:
        if channel == "skills":
            raise InvalidChannel("This service has no such channel.", channel=channel)
        return channel_kind(service, channel)

    inject(Service, "channel_kind", channel_kind_but_one)


@mutant("PROTOCOL-065", wrong="has a default of its own for the channels of a connection", failure="{'channels': 100}")
def has_a_smaller_default_than_the_protocol(inject: Inject) -> None:
    description = http.description

    def describe_less(service: Service, config: Config) -> dict[str, Any]:
        claimed = description(service, config)
        claimed["limits"]["channels"] = 100
        return claimed

    inject(http, "description", describe_less)


@mutant("PROTOCOL-075", wrong="claims a query that it does not have", failure="get_everything")
def claims_a_request_that_it_lacks(inject: Inject) -> None:
    description = http.description

    def describe_more(service: Service, config: Config) -> dict[str, Any]:
        claimed = description(service, config)
        claimed["requests"]["queries"].append("get_everything")
        return claimed

    inject(http, "description", describe_more)


@mutant(
    "PROTOCOL-078",
    wrong="claims a server name that is not the protocol's",
    failure="'session-buddy-server' == 'session-buddy'",
)
def claims_another_server_name(inject: Inject) -> None:
    description = http.description

    def describe_as_server(service: Service, config: Config) -> dict[str, Any]:
        return {**description(service, config), "server": f"{service.server}-server"}

    inject(http, "description", describe_as_server)


@mutant(
    "PROTOCOL-070", wrong="does not claim how long its drain takes at most", failure="no claim about ['drain_timeout']"
)
def claims_no_drain_timeout(inject: Inject) -> None:
    description = http.description

    def describe_the_rest(service: Service, config: Config) -> dict[str, Any]:
        claimed = description(service, config)
        del claimed["limits"]["drain_timeout"]
        return claimed

    inject(http, "description", describe_the_rest)


@mutant("PROTOCOL-076", wrong="claims the default limits whatever is configured", failure="1048576")
def claims_the_default_limits(inject: Inject) -> None:
    description = http.description

    def describe_defaults(service: Service, config: Config) -> dict[str, Any]:
        return description(service, replace(config, limits=Limits()))

    inject(http, "description", describe_defaults)


@mutant("LIFECYCLE-001", wrong="reports another name than the protocol's", failure="'session_buddy' == 'session-buddy'")
def reports_another_name(inject: Inject) -> None:
    description = http.description

    def describe_by_module(service: Service, config: Config) -> dict[str, Any]:
        return {**description(service, config), "service": service.name.replace("-", "_")}

    inject(http, "description", describe_by_module)


@mutant("TLS-012", wrong="does not claim that it verifies certificates", failure="'mtls'")
def claims_no_mutual_tls(inject: Inject) -> None:
    features = http.features

    def without_mutual(service: Service, config: Config) -> tuple[str, ...]:
        return tuple(feature for feature in features(service, config) if feature != "mtls")

    inject(http, "features", without_mutual)
