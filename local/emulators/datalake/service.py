"""The properties of the blob service: kept and told; analytics, metrics, CORS and website are not acted on.

https://learn.microsoft.com/rest/api/storageservices/set-blob-service-properties
"""

from __future__ import annotations

from xml.etree import ElementTree

from local.emulators.datalake import xml
from local.emulators.datalake.errors import StorageError, not_implemented
from local.emulators.datalake.lake import Lake
from local.emulators.datalake.request import Request, Response

_LARGEST_DOCUMENT = 64 * 1024
_NAME = "StorageServiceProperties"
_OFF = "<Version>1.0</Version><Enabled>false</Enabled><RetentionPolicy><Enabled>false</Enabled></RetentionPolicy>"
# What an account says of which nothing was set.
_DEFAULT = (
    f"<{_NAME}><Logging><Version>1.0</Version><Delete>false</Delete><Read>false</Read><Write>false</Write>"
    "<RetentionPolicy><Enabled>false</Enabled></RetentionPolicy></Logging>"
    f"<HourMetrics>{_OFF}</HourMetrics><MinuteMetrics>{_OFF}</MinuteMetrics><Cors/>"
    "<DeleteRetentionPolicy><Enabled>false</Enabled></DeleteRetentionPolicy>"
    f"<StaticWebsite><Enabled>false</Enabled></StaticWebsite></{_NAME}>"
)
_MOST_CORS_RULES = 5
_MOST_DAYS = 365


async def get_properties(lake: Lake, _request: Request) -> Response:
    document = '<?xml version="1.0" encoding="utf-8"?>' + _kept(lake)
    return Response(200, {"Content-Type": "application/xml"}, document.encode())


async def set_properties(lake: Lake, request: Request) -> Response:
    """What the document does not name stays as it is."""
    given = xml.parse(await request.body(_LARGEST_DOCUMENT), _NAME)
    _check(given)
    properties = ElementTree.fromstring(_kept(lake))
    for element in given:
        for old in properties.findall(element.tag):
            properties.remove(old)
        properties.append(element)
    text = ElementTree.tostring(properties, encoding="unicode")
    lake.store.database.execute("INSERT OR REPLACE INTO account VALUES('service properties', ?)", (text,))
    return Response(202)


def _kept(lake: Lake) -> str:
    row = lake.store.database.execute("SELECT value FROM account WHERE name='service properties'").fetchone()
    return row[0] if row else _DEFAULT


def _check(given: ElementTree.Element) -> None:
    if len(given.findall("Cors/CorsRule")) > _MOST_CORS_RULES:
        raise StorageError("InvalidXmlDocument", f"At most {_MOST_CORS_RULES} CORS rules are kept.")
    for days in given.iterfind(".//Days"):
        if not (days.text or "").isdecimal() or not 0 < int(days.text or "0") <= _MOST_DAYS:
            raise StorageError("InvalidXmlNodeValue", f"A retention lasts 1 to {_MOST_DAYS} days.")
    if (given.findtext("DeleteRetentionPolicy/Enabled") or "").strip().lower() == "true":
        raise not_implemented("soft delete")
