"""News for the author: what the outbox holds goes to each channel, in order, until it is taken."""
