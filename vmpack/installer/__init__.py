"""From a template and its parameters to scripts and command strings: data in, text out."""
