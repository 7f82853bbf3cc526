"""The AI concierge, behind one port."""
