"""Laws of the simulated world: it must be right before anything is judged by it."""
