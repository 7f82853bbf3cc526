"""What screens are made of, without a browser."""
