"""Take attempts from the broker and carry them out."""
