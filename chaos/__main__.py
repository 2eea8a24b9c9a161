"""`python -m bodhisattva.chaos`."""

from bodhisattva.chaos.cli import main

main(prog_name="python -m bodhisattva.chaos")
