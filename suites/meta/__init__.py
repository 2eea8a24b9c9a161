"""The suite judged: mutants that it must reject, a catalogue without holes, verdicts that are never too good."""
