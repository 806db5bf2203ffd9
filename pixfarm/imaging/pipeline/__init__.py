"""What is to be done to each image: pipelines of operations, as text and as values."""
