"""The desk: what other processes ask of the one writer of a home, and how it is worked on between its batches."""
