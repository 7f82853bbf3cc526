"""Every read: right, scoped, and along an index."""
