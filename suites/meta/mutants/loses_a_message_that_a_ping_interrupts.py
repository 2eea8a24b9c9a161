from bodhisattva.suites.meta.mutants.forgets_a_message_when_another_begins import forget_at

CLAUSE = "SECURITY-018"
WRONG = "drops what it has of a message when a ping comes between its fragments"
SAYS = "0 bytes read"

PING = 0x9


def mutate() -> None:
    forget_at(PING)
