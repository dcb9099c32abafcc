"""A plan of blocks with the reason for each, then its execution; links and receipts."""
