"""The plugin on a real WordPress, with a real database and a real browser."""
