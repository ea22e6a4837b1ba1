"""Middleware that keeps a log of the requests to a web application, in a stream of their own."""

from callboard.request_log.annotations import annotate
from callboard.request_log.jwt_user import JwtUser
from callboard.request_log.middleware import RequestLog

__all__ = ["JwtUser", "RequestLog", "annotate"]
