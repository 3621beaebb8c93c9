"""The author's pages: HTML from the server, for those who hold a token, and for nobody else."""
