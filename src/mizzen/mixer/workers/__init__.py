"""Several processes behind one port.

- `role`: what a worker knows of being one
- `counts`: quotas in memory, which the parent counts for all
- `backoff`: when a worker that ended is started again
- `metrics`: the workers' metrics as one page
- `supervisor`: the parent, which starts, watches and ends the workers
- `pages`: the parent's monitoring port, which asks the workers
"""
