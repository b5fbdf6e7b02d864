"""Events: the envelope, its types, their JSON Schema, and the intake that decides once."""
