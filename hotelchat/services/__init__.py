"""Every change, one function each, given the database session; none of them commits."""
