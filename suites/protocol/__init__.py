"""The envelope, requests, channels, offsets, limits and what a service says about itself."""
