"""The error codes of the wire (protocol 3) as exceptions that deciders raise and connections answer.

And `Refused`, which is for the operator: a service does not start with what it was given (protocol 7).
"""

from enum import StrEnum
from typing import Any


class ErrorCode(StrEnum):
    """Every code that an `error` envelope may carry."""

    AUTH_FAILED = "AUTH_FAILED"
    AUTH_REQUIRED = "AUTH_REQUIRED"
    TOKEN_EXPIRED = "TOKEN_EXPIRED"
    FORBIDDEN = "FORBIDDEN"
    UNKNOWN_REQUEST = "UNKNOWN_REQUEST"
    DECODE_ERROR = "DECODE_ERROR"
    INVALID_MESSAGE = "INVALID_MESSAGE"
    INVALID_CHANNEL = "INVALID_CHANNEL"
    INVALID_DATA = "INVALID_DATA"
    NOT_FOUND = "NOT_FOUND"
    CONFLICT = "CONFLICT"
    RATE_LIMIT_EXCEEDED = "RATE_LIMIT_EXCEEDED"
    LIMIT_EXCEEDED = "LIMIT_EXCEEDED"
    UNAVAILABLE = "UNAVAILABLE"
    INTERNAL_ERROR = "INTERNAL_ERROR"


class Refused(Exception):
    """One line: what is wrong and what to do."""


class ServiceError(Exception):
    """An answer that is an error: its code, a sentence for people, and particulars for programs.

    The message is sent to the client as it stands, so it never carries exception text, paths or secrets.
    """

    code = ErrorCode.INTERNAL_ERROR

    def __init__(self, message: str, **data: Any) -> None:
        super().__init__(message)
        self.message = message
        self.data = data


class AuthFailed(ServiceError):
    code = ErrorCode.AUTH_FAILED


class AuthRequired(ServiceError):
    code = ErrorCode.AUTH_REQUIRED


class TokenExpired(ServiceError):
    code = ErrorCode.TOKEN_EXPIRED


class Forbidden(ServiceError):
    code = ErrorCode.FORBIDDEN


class UnknownRequest(ServiceError):
    code = ErrorCode.UNKNOWN_REQUEST


class DecodeFailed(ServiceError):
    code = ErrorCode.DECODE_ERROR


class InvalidMessage(ServiceError):
    code = ErrorCode.INVALID_MESSAGE


class InvalidChannel(ServiceError):
    code = ErrorCode.INVALID_CHANNEL


class InvalidData(ServiceError):
    code = ErrorCode.INVALID_DATA


class NotFound(ServiceError):
    code = ErrorCode.NOT_FOUND


class Conflict(ServiceError):
    code = ErrorCode.CONFLICT


class RateLimitExceeded(ServiceError):
    code = ErrorCode.RATE_LIMIT_EXCEEDED


class LimitExceeded(ServiceError):
    code = ErrorCode.LIMIT_EXCEEDED


class Unavailable(ServiceError):
    code = ErrorCode.UNAVAILABLE
