"""What happens outside a request: one job a file, the workers that run them and the queue between."""
