"""The audit log: append-only, each entry chained to the one before; its heads and its proof."""
