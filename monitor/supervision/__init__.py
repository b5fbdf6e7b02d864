"""From signals to work: alerts, tasks and what officers do with them, as pure functions of the log up to a cut."""
