from bodhisattva.suites.meta.frame_by_frame import forget_at

CLAUSE = "SECURITY-018"
WRONG = "drops what it has of a message when a ping comes between its fragments"
SAYS = "0 bytes read"

PING = 0x9


def mutate() -> None:
    forget_at(PING)
