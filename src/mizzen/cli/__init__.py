"""The command `mizzen`: one file per verb, only parsing and printing."""
