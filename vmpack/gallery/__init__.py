"""The gallery resources as pure data: rules, models and emitters."""

from vmpack.gallery.resource import (
    API_VERSION,
    application_resource,
    application_url,
    version_resource,
    version_url,
    with_links,
)
from vmpack.gallery.rules import check, check_file_names
from vmpack.gallery.secrets import check_config

__all__ = [
    "API_VERSION",
    "application_resource",
    "application_url",
    "check",
    "check_config",
    "check_file_names",
    "version_resource",
    "version_url",
    "with_links",
]
