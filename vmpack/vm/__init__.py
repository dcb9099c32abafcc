"""The agent on the VM as a small state machine, and the throw-away systems it runs on."""
