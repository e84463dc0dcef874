"""What is held of people: given to them, erased, and kept under lock and key."""
