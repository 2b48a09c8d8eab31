"""DynamoDB, S3 and Kinesis on this machine: moto's server, made as strict as AWS where the platform depends on it."""
