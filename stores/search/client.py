"""How the search server is reached.

Belongs here: the client. What makes it speak to servers that are only like Elasticsearch
is in `compatibility.py`.
"""

from typing import TYPE_CHECKING, Any

from stores.errors import StoreUnavailable
from stores.settings import Settings, load_settings

if TYPE_CHECKING:
    from elasticsearch import Elasticsearch

REQUEST_TIMEOUT_SECONDS = 30


def connect(settings: Settings | None = None, **options: Any) -> "Elasticsearch":
    """A client of ELASTICSEARCH_URL. It may be shared by threads."""
    from elasticsearch import Elasticsearch

    values = settings or load_settings()
    if values.elasticsearch_compatibility == "opensearch":
        from stores.search.compatibility import PlainMediaTypeNode

        options.setdefault("node_class", PlainMediaTypeNode)
    options.setdefault("request_timeout", REQUEST_TIMEOUT_SECONDS)
    return Elasticsearch(values.require("elasticsearch_url"), **options)


def check(settings: Settings | None = None) -> None:
    """Raises StoreUnavailable naming ELASTICSEARCH_URL where nobody answers as it should."""
    from elastic_transport import TransportError
    from elasticsearch import ApiError

    try:
        with connect(settings, max_retries=0) as client:
            client.info()
    except (ApiError, TransportError) as error:
        raise StoreUnavailable(
            f"ELASTICSEARCH_URL: the search server does not answer: {error}. Where it is only"
            " like Elasticsearch, set ELASTICSEARCH_COMPATIBILITY=opensearch."
        ) from error
