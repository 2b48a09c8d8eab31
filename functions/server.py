"""The API as an application for a server of its own, in a container: `uvicorn --factory functions.server:create`."""

from functions.api.app import Api, create_api
from shared.bootstrap import services


def create() -> Api:
    """The application with this process's settings. Raises SettingsError, which names what is missing or malformed."""
    return create_api(services(), streaming=True)
