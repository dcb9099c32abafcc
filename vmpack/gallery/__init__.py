"""The gallery resources as pure data: rules, models and emitters."""
