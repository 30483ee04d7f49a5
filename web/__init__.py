"""The pages: static files, and `wire_types`, which writes down the wire's records for them."""
