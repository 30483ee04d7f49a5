"""Payments: the port, the providers behind it, and what protects us from them."""
