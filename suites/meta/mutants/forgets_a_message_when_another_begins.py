from bodhisattva.suites.meta.frame_by_frame import forget_at

CLAUSE = "SECURITY-015"
WRONG = "drops an unfinished message when a new one begins within it"
SAYS = "1006 == 1002"

TEXT = 0x1


def mutate() -> None:
    forget_at(TEXT)
