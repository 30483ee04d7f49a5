"""Whether an organisation acts: one state, which its rights, its pages and its keys all go by."""

import enum


class Standing(enum.StrEnum):
    """How an organisation stands. Only one that is active is there for anybody but the platform's people."""

    ACTIVE = "active"
    SUSPENDED = "suspended"  # by the platform
    CLOSED = "closed"  # by an owner, for good unless the platform opens it again
