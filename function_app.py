"""Galen on Azure Functions: the blueprints, composed. `func start` loads this file."""

import azure.functions as func

from functions.azure.http import http
from functions.azure.landing import landing
from functions.azure.reactions import reactions
from functions.azure.schedules import schedules
from functions.azure.streams import streams

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)

for blueprint in (http, streams, landing, reactions, schedules):
    app.register_functions(blueprint)
