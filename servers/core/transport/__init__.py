"""Bytes to frames and back: TLS, the acceptor, the handshake, the WebSocket, what is due to a peer."""
