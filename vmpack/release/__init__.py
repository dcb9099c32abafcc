"""The whole build as one function, and what is read back from a release folder."""
