"""Rejected by the indexer: no FunctionApp object."""

import azure.functions as func

level = func.AuthLevel.ANONYMOUS
