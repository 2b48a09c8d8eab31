"""Azure Data Lake Storage Gen2 on this computer: blob and dfs REST on one port over a plain directory tree.

`python -m local.emulators.datalake --data DIR --port N` serves `DIR/<container>/<path>`; everything else
it keeps is in `DIR/.emulator`. Left out, each refused by a 501 that names it: access control lists,
snapshots and versions, soft delete, page blobs, tags, tiers, batches, queries, user delegation.
"""
