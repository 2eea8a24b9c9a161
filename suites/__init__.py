"""The conformance suite: clauses of the wire protocol, judged over sockets and signals only."""
