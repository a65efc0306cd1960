"""Run it the way they did: a publisher's documented protocol as flags of `mathtasks run --preset NAME`."""
