"""Rejected by the indexer: two FunctionApp objects."""

import azure.functions as func

app = func.FunctionApp()

other = func.FunctionApp()
