"""Code shared by every function: domain, ports, services, adapters and the bootstrap that joins them."""
