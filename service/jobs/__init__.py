"""Work that outlasts a request: a queue that is a table, workers that take from it, and what they do."""
