"""Encrypted connections: certificates, versions, suites, mutual TLS, renewal."""
