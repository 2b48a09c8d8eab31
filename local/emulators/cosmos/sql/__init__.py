"""The query language of Cosmos DB for NoSQL: text → syntax tree → Python closures.

https://learn.microsoft.com/azure/cosmos-db/nosql/query/
"""
