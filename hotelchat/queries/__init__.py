"""Every read, as frozen dataclasses; no row of the database leaves its thread."""
