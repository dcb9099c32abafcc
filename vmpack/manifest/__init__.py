"""From the text of a ``vmapp.json`` to a frozen ``Manifest``."""
