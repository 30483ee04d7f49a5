"""Composition root: settings, command line, embedded servers, supervisor; the place that knows the others."""
