"""What the services cost beside the least that aiohttp can do: `python -m bodhisattva.servers.bench`.

Only ratios to the peer of the same round mean anything on another machine, or on this one an hour later.
"""
