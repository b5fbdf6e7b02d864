"""The graph of enterprises, rooms and persons around one subject: never more of it than a bounded neighbourhood.

A room or person ties its enterprises; hosts, hubs and branches tie nobody (contract §4). Everything here depends on
the set of facts alone: where an order is needed it is that of the enterprises' codes.
"""
