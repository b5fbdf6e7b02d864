"""From scores to probabilities that mean what they say: p-values by peer group, false discoveries, drift."""
