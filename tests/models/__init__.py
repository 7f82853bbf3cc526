"""The rules that need only a row."""
