"""What the customer would have answered if they had been asked."""
