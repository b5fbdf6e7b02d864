"""The anomaly model: how unlike its peers an enterprise is. A second opinion beside the rules, never a verdict.

`scaling` puts every feature on the scale of the peers, `tails` says how far out each value lies, `detector` joins this
with an isolation forest.
"""
