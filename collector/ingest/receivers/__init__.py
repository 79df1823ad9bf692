"""HTTP bodies of pushing senders to the formats, samples to the store: thin shells."""
