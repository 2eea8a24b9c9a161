"""The conformance suite: clauses of the wire contract, judged over sockets and signals only."""
