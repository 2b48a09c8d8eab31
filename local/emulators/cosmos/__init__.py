"""A Cosmos DB for NoSQL gateway for one machine: HTTP in front, memory for reading, SQLite for keeping."""
