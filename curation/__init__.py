"""What is kept, and why not."""
