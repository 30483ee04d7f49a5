"""What every table of the settings file is."""

import msgspec


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One table of the settings file; its docstring is the table's heading in docs/settings.md."""
