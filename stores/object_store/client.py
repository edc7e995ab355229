"""How the object store is reached, and how its bucket is configured.

Belongs here: the client and the bucket. Which keys there are is in `layout.py`.
"""

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from stores.errors import StoreUnavailable
from stores.settings import Settings, load_settings

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

LIFECYCLE = Path(__file__).parent / "lifecycle.json"
CONNECT_TIMEOUT_SECONDS = 5
# A local server has no regions, but a signature needs the name of one.
REGION = "us-east-1"


def connect(settings: Settings | None = None, **options: Any) -> "S3Client":
    """A client of S3_ENDPOINT_URL. It may be shared by threads."""
    import boto3
    from botocore.config import Config

    values = settings or load_settings()
    configuration = Config(
        # For presigned URLs too, where the client's own choice is a version long outdated.
        signature_version="s3v4",
        connect_timeout=CONNECT_TIMEOUT_SECONDS,
        retries={"max_attempts": 3, "mode": "standard"},
        s3={"addressing_style": "path"},
    )
    return boto3.client(
        "s3",
        endpoint_url=values.require("s3_endpoint_url"),
        aws_access_key_id=values.require("aws_access_key_id"),
        aws_secret_access_key=values.require("aws_secret_access_key"),
        region_name=REGION,
        config=configuration.merge(options.pop("config", Config())),
        **options,
    )


def check(settings: Settings | None = None) -> None:
    """Raises StoreUnavailable naming S3_ENDPOINT_URL where nobody answers, or not to us."""
    from botocore.exceptions import BotoCoreError, ClientError

    try:
        connect(settings).list_buckets()
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailable(f"S3_ENDPOINT_URL: the object store: {error}") from error


def configure_bucket(settings: Settings | None = None) -> str:
    """Make the bucket if it is not there and apply its lifecycle rules. Returns its name.

    Repeatable, and run at every start: the local server may lose its configuration in a crash.
    """
    from botocore.exceptions import BotoCoreError, ClientError

    values = settings or load_settings()
    client, bucket = connect(values), values.s3_bucket
    try:
        existing = {entry["Name"] for entry in client.list_buckets()["Buckets"]}
        if bucket not in existing:
            client.create_bucket(Bucket=bucket)
        client.put_bucket_lifecycle_configuration(
            Bucket=bucket, LifecycleConfiguration=json.loads(LIFECYCLE.read_text())
        )
    except (BotoCoreError, ClientError) as error:
        raise StoreUnavailable(f"S3_ENDPOINT_URL: the bucket {bucket}: {error}") from error
    return bucket
