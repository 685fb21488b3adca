"""What a row is. No I/O; imports nothing else of prefmill."""
