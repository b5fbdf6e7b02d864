"""From the state of the stages to what the models compute with: histories become columns."""
