"""The storage error codes this emulator answers with, and the exception that carries one.

https://learn.microsoft.com/rest/api/storageservices/blob-service-error-codes
https://learn.microsoft.com/rest/api/storageservices/data-lake-storage-gen2-error-codes
"""

from __future__ import annotations

_CODES: dict[str, tuple[int, str]] = {
    "AccessTierChangeTimeConditionNotMet": (
        412,
        "The access tier change time condition specified was not met.",
    ),
    "AppendPositionConditionNotMet": (412, "The append position condition specified was not met."),
    "AuthenticationFailed": (403, "Server failed to authenticate the request."),
    "AuthorizationPermissionMismatch": (
        403,
        "This request is not authorized to perform this operation using this permission.",
    ),
    "AuthorizationResourceTypeMismatch": (
        403,
        "This request is not authorized to perform this operation using this resource type.",
    ),
    "AuthorizationServiceMismatch": (
        403,
        "This request is not authorized to perform this operation using this service.",
    ),
    "AuthorizationSourceNotAllowed": (403, "A web page of another site may not ask this emulator."),
    "AuthorizationProtocolMismatch": (
        403,
        "This request is not authorized to perform this operation using this protocol.",
    ),
    "BlobAlreadyExists": (409, "The specified blob already exists."),
    "BlobArchived": (409, "This operation is not permitted on an archived blob."),
    "BlobBeingRehydrated": (409, "This operation is not permitted because the blob is being rehydrated."),
    "BlobImmutableDueToPolicy": (
        409,
        "This operation is not permitted as the blob is immutable due to one or more policies.",
    ),
    "BlobIsSealed": (409, "The specified blob is sealed and its contents can't be modified."),
    "BlobNotFound": (404, "The specified blob does not exist."),
    "BlockCountExceedsLimit": (409, "The block count exceeds the maximum permissible limit."),
    "CannotVerifyCopySource": (404, "The copy source is not a blob of this account."),
    "ConditionNotMet": (412, "The condition specified using HTTP conditional header(s) is not met."),
    "ContainerAlreadyExists": (409, "The specified container already exists."),
    "ContainerImmutableDueToPolicy": (
        409,
        "This operation is not permitted as something in the container or directory is immutable.",
    ),
    "ContainerNotFound": (404, "The specified container does not exist."),
    "Crc64Mismatch": (
        400,
        "The CRC64 value specified in the request did not match with the CRC64 value calculated by the server.",
    ),
    "DirectoryIsNotEmpty": (409, "The directory is not empty."),
    "DirectoryNotEmpty": (
        409,
        "The recursive query parameter value must be true to delete a non-empty directory.",
    ),
    "FilesystemAlreadyExists": (409, "The specified filesystem already exists."),
    "FilesystemNotFound": (404, "The specified filesystem does not exist."),
    "InternalError": (500, "The server encountered an internal error. Please retry the request."),
    "InvalidBlobType": (409, "The blob type is invalid for this operation."),
    "InvalidBlobOrBlock": (400, "The specified blob or block content is invalid."),
    "InvalidBlockId": (400, "The specified block id is invalid."),
    "InvalidBlockList": (400, "The specified block list is invalid."),
    "InvalidFlushPosition": (
        400,
        "The uploaded data is not contiguous or does not end at the position given.",
    ),
    "InvalidHeaderValue": (400, "The value for one of the HTTP headers is not in the correct format."),
    "InvalidInput": (400, "One of the request inputs is not valid."),
    "InvalidMd5": (400, "The MD5 value specified in the request is invalid."),
    "InvalidMetadata": (400, "The metadata specified is invalid: a name must be an identifier."),
    "InvalidQueryParameterValue": (
        400,
        "Value for one of the query parameters specified in the request URI is invalid.",
    ),
    "InvalidRange": (416, "The range specified is invalid for the current size of the resource."),
    "InvalidRenameSourcePath": (400, "The source path for a rename operation is invalid."),
    "InvalidResourceName": (400, "The specified resource name contains invalid characters."),
    "InvalidUri": (400, "The requested URI does not represent any resource on the server."),
    "InvalidXmlDocument": (400, "XML specified is not syntactically valid."),
    "InvalidXmlNodeValue": (400, "The value for one of the XML nodes is not in the correct format."),
    "LeaseAlreadyBroken": (409, "The lease has already been broken and cannot be broken again."),
    "LeaseAlreadyPresent": (409, "There is already a lease present."),
    "LeaseIdMismatchWithBlobOperation": (
        412,
        "The lease ID specified did not match the lease ID for the blob.",
    ),
    "LeaseIdMismatchWithLeaseOperation": (
        409,
        "The lease ID specified did not match the lease ID for the resource.",
    ),
    "LeaseIdMissing": (
        412,
        "There is currently a lease on the resource and no lease ID was specified in the request.",
    ),
    "LeaseIsBreakingAndCannotBeAcquired": (
        409,
        "The lease is breaking and cannot be acquired until it is broken.",
    ),
    "LeaseIsBreakingAndCannotBeChanged": (409, "The lease is breaking and cannot be changed."),
    "LeaseIsBrokenAndCannotBeRenewed": (409, "The lease has been broken and cannot be renewed."),
    "LeaseNotPresentWithBlobOperation": (412, "There is currently no lease on the resource."),
    "LeaseNotPresentWithLeaseOperation": (409, "There is currently no lease on the resource."),
    "MaxBlobSizeConditionNotMet": (412, "The max blob size condition specified was not met."),
    "Md5Mismatch": (
        400,
        "The MD5 value specified in the request did not match the MD5 value calculated by the server.",
    ),
    "MissingContentLengthHeader": (411, "The Content-Length header was not specified."),
    "MissingRequiredHeader": (400, "A required HTTP header was not specified."),
    "MissingRequiredQueryParameter": (400, "A required query parameter was not specified."),
    "NoAuthenticationInformation": (
        401,
        "Server failed to authenticate the request: no Authorization header and no shared access signature.",
    ),
    "NoPendingCopyOperation": (409, "There is currently no pending copy operation."),
    "NotImplemented": (501, "The requested operation is not implemented by this emulator."),
    "RequestForbiddenByContainerEncryptionPolicy": (
        403,
        "The request names another encryption scope than the one that its container prescribes.",
    ),
    "OperationConflict": (409, "The operation conflicts with another one on the same resource."),
    "OperationTimedOut": (408, "The operation could not be completed within the permitted time."),
    "OutOfRangeQueryParameterValue": (
        400,
        "A query parameter specified in the request URI is outside the permissible range.",
    ),
    "PathAlreadyExists": (409, "The specified path already exists."),
    "PathConflict": (409, "The specified path, or an element of the path, exists and its type is invalid."),
    "PathNotFound": (404, "The specified path does not exist."),
    "RenameDestinationParentPathNotFound": (
        404,
        "The parent directory of the destination path does not exist.",
    ),
    "RequestBodyTooLarge": (413, "The request body is too large and exceeds the maximum permissible limit."),
    "ResourceTypeMismatch": (
        409,
        "The specified resource type does not match the type of the existing resource.",
    ),
    "ServerBusy": (503, "The server is currently unable to receive requests. Please retry your request."),
    "SourceConditionNotMet": (
        412,
        "The source condition specified using HTTP conditional header(s) is not met.",
    ),
    "SourcePathNotFound": (404, "The source path for a rename operation does not exist."),
    "TooManyRequests": (429, "Too many requests. Please retry your request."),
    "UnsupportedHttpVerb": (405, "The resource doesn't support the specified HTTP verb."),
}


class StorageError(Exception):
    """One refusal: its code decides status and text unless the raiser says more."""

    def __init__(
        self,
        code: str,
        message: str | None = None,
        *,
        status: int | None = None,
        headers: dict[str, str] | None = None,
    ) -> None:
        known_status, known_message = _CODES[code]
        super().__init__(code)
        self.code = code
        self.status = status or known_status
        self.message = message or known_message
        self.headers = headers or {}


def not_implemented(what: str) -> StorageError:
    """501 that names what this emulator leaves out."""
    return StorageError("NotImplemented", f"This emulator does not implement {what}.")
