"""What the models know of an enterprise: some sixty numbers, each named, explained and dated.

`facts` are the columns that histories are turned into; `present` and `around` say what holds as of a moment, of one
and of those around it; a file for each family computes its features; `computing` puts them into one matrix. The same
facts give the same numbers whether all are computed at once, some in a batch, or all as of a past date.
"""
