"""Long runs of what the other tests do in short: `make stress`."""
