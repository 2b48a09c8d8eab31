"""Azure Data Lake Storage Gen2 on this computer: blob and dfs REST over a plain directory tree."""
