"""What the models find on a cluster: the log folded in one place, once a day, and what is worked out from it."""
