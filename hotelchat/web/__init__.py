"""What is not a screen: webhooks, health."""
