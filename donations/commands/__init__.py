"""The commands of the terminal, each with its options and its help; ``cli`` gathers them."""
