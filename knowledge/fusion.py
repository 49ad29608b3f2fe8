"""BM25 and vectors to one ranking."""
