from unittest.mock import patch

from bodhisattva.servers.core.server import Server

CLAUSE = "LIFECYCLE-017"
WRONG = "goes on judging tokens by the secret that it was started with"
SAYS = "in vain for: a token of the new secret is accepted"

reload = Server.reload


def reload_but_the_secret(server: Server) -> None:
    judge = server._policy.verifier
    reload(server)
    server._policy.verifier = judge


def mutate() -> None:
    patch.object(Server, "reload", reload_but_the_secret).start()
