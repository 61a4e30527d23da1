"""What the tap is compared with; each module runs in an environment of its own."""
