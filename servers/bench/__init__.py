"""What the services cost beside others that do a part of it: `nox -s bench`, or `python -m bodhisattva.servers.bench`.

Every subject is a server in a process of its own, under the same load, in turns: A B C, A B C. Only the ratios of
one round mean anything on another machine, or on this one an hour later.
"""
