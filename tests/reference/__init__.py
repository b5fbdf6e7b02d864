"""The contract read a second time: what the engine is judged against.

Nothing here shares code with the engine but the address normaliser. `intake` decides what is accepted,
`world` says what holds after a set of events, `naive` works out every signal of contract §4 from all
events anew, `cases` makes events that reach the doubtful places. DOUBTS.md says how they were read.
"""

from __future__ import annotations
