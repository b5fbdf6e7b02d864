"""Why a model raised something, in words: contributions, what is usual among peers, and what would silence it."""
