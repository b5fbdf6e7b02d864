"""A new generation of a cluster: its log is copied without what the law deletes, everything else follows from that.

The generation before it is left as it is, until somebody has it dropped.
"""
