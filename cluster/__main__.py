"""`python -m cluster` is the console script `bilten`."""

from cluster.cli import main

main()
