"""When reports run: in the foreground here, or written down for the scheduler that is there already."""
