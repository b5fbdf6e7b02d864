"""Push: messages leave the outbox through channels; every sending has a receipt."""
