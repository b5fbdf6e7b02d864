"""What goes over Kafka: facts, batches, and the names and numbers in them."""
