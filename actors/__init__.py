"""Single writers: the actors that hold an event's state in memory and decide about it, one command after the
other.
"""
