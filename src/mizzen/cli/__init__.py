"""The command `mizzen`: one file per verb, only parsing and printing.

`main` puts the verbs together. What they share: `flag_groups` (dataclasses whose fields are flags), `attribute_flags`
and `calling` (of `check` and `report`), `numbers` (values refused with what is accepted), `outcome` (exit statuses),
`usage` and `logs`. A verb imports what takes time to load inside its function, so that help and completion stay quick.
"""
