"""The verbs of ``multimeter-visu``, a file each: its options, and what it does."""
