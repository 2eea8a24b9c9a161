"""What a service costs beside other servers that do a part of its work: `nox -s bench`.

Also `python -m bodhisattva.chaos.bench`.

Every subject is a server in a process of its own, under the same load, in turns: A B C, A B C. Only the ratios of
one round mean anything on another machine, or on this one an hour later.
"""
