"""API keys and device tokens: how programs and scanners act for an organisation."""
