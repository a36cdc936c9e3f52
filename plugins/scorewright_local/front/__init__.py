"""The front of one service: the process that listens, checks keys, and owns the servers behind it.

It outlives the command that starts it. Nothing here imports the deployer, so that a service keeps running as it was
started.
"""
