"""Organisations: who sells, who works there, and who is invited to."""
