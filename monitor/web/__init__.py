"""The live page: what a home holds at this moment, for people in a browser. Last in the flow; it only reads."""
