"""The ports on AWS: records on DynamoDB, the lake on S3, streams on Kinesis."""
