"""Ports on Azure: Cosmos DB, Data Lake Storage, Event Hubs."""
