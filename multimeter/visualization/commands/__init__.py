"""The verbs of ``multimeter-visu``, one per file, with their options."""
