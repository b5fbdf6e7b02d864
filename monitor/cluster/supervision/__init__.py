"""Stage `supervision` on a cluster: cuts, alerts, the queue, classes and what officers do, on one partition."""
