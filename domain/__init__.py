"""The pure core: what Bilten decides, and nothing of how it is stored, sent or shown.

No module here does I/O, reads a clock, draws a random number or awaits. Time, randomness and identifiers are
arguments, so the same functions run in the actor, in recovery, in the property tests and in the seeded
simulation.
"""
