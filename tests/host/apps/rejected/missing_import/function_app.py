"""Rejected by the indexer: a module that is not there."""

import azure.functions as func
import not_installed_anywhere  # noqa: F401

app = func.FunctionApp()
