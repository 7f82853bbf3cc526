"""Every change, seen from the hotel."""
