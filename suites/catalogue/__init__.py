"""The catalogue of clauses: what the suite knows, what it plans, and which deviations are accepted."""
