"""One job by its name, where a service takes a file rather than a module: `spark_job.py JOB --lake ROOT`.

Databricks, EMR Serverless and Synapse put the folder of the submitted file on the path; so it stands beside the packages.
"""

import sys

from spark.jobs.__main__ import main

if __name__ == "__main__":
    code = main()
    if code:  # Databricks takes any SystemExit, 0 too, for a failure
        sys.exit(code)
