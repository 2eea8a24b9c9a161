"""A long stay under a crowd that never stops coming and going: `nox -s soak`, or `python -m bodhisattva.chaos.soak`.

One real service, hundreds of connections, every kind of end that a connection can have. What the service says of
itself at /metrics has to be back, once everybody is gone, where it was before anybody came.
"""
