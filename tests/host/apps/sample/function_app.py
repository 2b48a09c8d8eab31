"""The application that the host's own tests index and invoke: one function per kind of trigger."""

import azure.functions as func
from events import events
from web import web

app = func.FunctionApp(http_auth_level=func.AuthLevel.ANONYMOUS)
app.register_functions(web)
app.register_functions(events)
