"""One stage for one partition each: pure functions of the messages they are given."""
