"""OnceHub as a declarative source of the Airbyte CDK."""

import typing as t
from collections.abc import Mapping

from benchmarks.account import EPOCH, LISTS, List

_FORMATS = ["%Y-%m-%dT%H:%M:%SZ", "%Y-%m-%dT%H:%M:%S.%fZ"]


def config(url: str, key: str, schemas: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Give the settings of the source, with the source itself in them."""
    streams = [_stream(url, key, name, endpoint, schemas[name]) for name, endpoint in LISTS.items()]
    return {
        "__injected_declarative_manifest": {
            "version": "7.0.0",
            "type": "DeclarativeSource",
            "check": {"type": "CheckStream", "stream_names": ["users"]},
            "streams": streams,
            "spec": {
                "type": "Spec",
                "connection_specification": {"type": "object", "properties": {}},
            },
        }
    }


def catalog(schemas: Mapping[str, t.Any]) -> dict[str, t.Any]:
    """Give the streams to read, incrementally where that is possible."""
    return {"streams": [_chosen(name, schemas[name]) for name in LISTS]}


def _chosen(name: str, schema: t.Any) -> dict[str, t.Any]:
    key = LISTS[name].replication_key
    return {
        "stream": {
            "name": name,
            "json_schema": schema,
            "supported_sync_modes": ["full_refresh", *(["incremental"] if key else [])],
        },
        "sync_mode": "incremental" if key else "full_refresh",
        "destination_sync_mode": "append",
        "cursor_field": [key] if key else [],
        "primary_key": [["id"]],
    }


def _stream(url: str, key: str, name: str, endpoint: List, schema: t.Any) -> dict[str, t.Any]:
    stream = {
        "type": "DeclarativeStream",
        "name": name,
        "primary_key": ["id"],
        "retriever": _retriever(url, key, endpoint),
        "schema_loader": {"type": "InlineSchemaLoader", "schema": schema},
    }
    if endpoint.replication_key:
        stream["incremental_sync"] = _cursor(endpoint.replication_key)
    return stream


def _retriever(url: str, key: str, endpoint: List) -> dict[str, t.Any]:
    return {
        "type": "SimpleRetriever",
        "record_selector": {
            "type": "RecordSelector",
            "extractor": {"type": "DpathExtractor", "field_path": ["data"]},
        },
        "requester": {
            "type": "HttpRequester",
            "url_base": url,
            "path": endpoint.path,
            "http_method": "GET",
            "authenticator": {
                "type": "ApiKeyAuthenticator",
                "api_token": key,
                "inject_into": {
                    "type": "RequestOption",
                    "inject_into": "header",
                    "field_name": "API-Key",
                },
            },
        },
        "paginator": {
            "type": "DefaultPaginator",
            "page_size_option": _parameter("limit"),
            "page_token_option": _parameter("after"),
            "pagination_strategy": {
                "type": "CursorPagination",
                "page_size": 100,
                "cursor_value": "{{ last_record['id'] }}",
                "stop_condition": "{{ not headers['link'].get('next') }}",
            },
        },
    }


def _cursor(field: str) -> dict[str, t.Any]:
    return {
        "type": "DatetimeBasedCursor",
        "cursor_field": field,
        "start_datetime": EPOCH,
        "datetime_format": _FORMATS[0],
        "cursor_datetime_formats": _FORMATS,
        "start_time_option": _parameter(f"{field}.gt"),
    }


def _parameter(name: str) -> dict[str, t.Any]:
    return {"type": "RequestOption", "inject_into": "request_parameter", "field_name": name}
