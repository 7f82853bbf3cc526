"""The house again, seen from the outside."""
