"""Migrations: numbered, small, each with its reason."""
