"""A seeded, deterministic run of clients, shards and network on a virtual clock."""
