"""The envelope, requests, channels, offsets, limits, and a service's description of itself."""
