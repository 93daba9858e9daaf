"""A client of the Mixer for the command line: attributes as people write them, calls, and answers that can be read.

Words: an *answer* is a decoded Check response; a *target* is a Mixer's address and how to reach it.

`texts` and `files` make attributes, `target` opens channels, `calls` sends, `answer` decodes, `load` repeats,
`show` prints.
"""
