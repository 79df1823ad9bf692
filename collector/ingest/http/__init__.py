"""What tocsin needs as an HTTP client: TLS, proxies, credentials."""
