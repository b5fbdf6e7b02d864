"""The doctor: looks at everything that a monitor needs, as it really is, and says what to mend. It changes nothing."""
