"""credit-monitor: what flows, from sources through intake, the stages and the store to the pages."""
