"""The demo: a sample hotel, and stand-ins for the outside services it would need accounts for."""
