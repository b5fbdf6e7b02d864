"""The chance that something adverse befalls an enterprise within twelve months, learned from the log's own past.

`inputs` are the features as of a date with those of recurrence; `labels` say what followed; `stacking` puts past dates
under one another; `model` learns and foretells; `baselines` are the plain means that it must beat; `training` does
all of it, and says in figures what came of it. A forecast orders, and explains; it decides nothing.
"""
