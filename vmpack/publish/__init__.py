"""Blobs and links: a plan of blocks with the reason for each, then its execution.

Nothing heavy is imported here; the doors stand in the modules.
"""
