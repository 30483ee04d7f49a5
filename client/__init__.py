"""BiltenClient: an independent peer of the server, on websockets and msgpack alone."""
