"""Back-tests: what other rules find on the same facts, beside what today's rules find. Nothing is written."""
