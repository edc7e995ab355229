"""How the search server is reached.

Belongs here: the client, and making it speak to servers that are only like Elasticsearch.
"""

from typing import TYPE_CHECKING, Any

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
