"""Credit-risk classes A to D: from a history, ties and signals to a reckoning by scorecards, every point traceable."""
