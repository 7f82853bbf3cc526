"""The ways a guest reaches the hotel, behind one port."""
