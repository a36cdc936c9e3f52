"""Loads models: one module per framework, each with ``load(path, config)``, which returns a `Model`.

Only the module of the service's own framework is imported, and that one imports the framework when it loads.
"""
