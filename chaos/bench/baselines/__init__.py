"""The baselines: servers with which a service is compared, as small as can be: `python -m … PORT FOLDER [VARIANT]`.

They take three requests: `subscribe`, `emit` (so many events to all subscribers, then the answer) and `get_state`.
They have no authentication, storage, limits or metrics.
"""
