"""The servers beside which a service is measured, each as small as it can be: `python -m … PORT FOLDER [VARIANT]`.

They take three requests: `subscribe`, `emit` (so many events to all subscribers, then the answer) and `get_state`.
They authenticate nobody, keep nothing, bound nothing and count nothing.
"""
