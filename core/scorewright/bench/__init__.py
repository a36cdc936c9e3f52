"""Load tests of scoring services: ``scorewright bench``."""
