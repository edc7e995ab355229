"""The embedded S3 server does all that a client asks who holds its keys, and nothing else."""

import io
from typing import Any
from uuid import uuid4

import pytest
import urllib3
from botocore.config import Config
from botocore.exceptions import ClientError
from fix_stack import RunningStack

from stores.clickhouse.client import connect as connect_clickhouse
from stores.object_store.client import connect
from stores.settings import Settings

PREFIX = "temp/gate/"


def _fetch(method: str, url: str, **options: Any) -> urllib3.BaseHTTPResponse:
    return urllib3.request(method, url, retries=False, timeout=10, **options)


def _presigned(settings: Settings, method: str, key: str, **parameters: str) -> str:
    parameters = {"Bucket": settings.s3_bucket, "Key": PREFIX + key, **parameters}
    return connect(settings).generate_presigned_url(method, Params=parameters, ExpiresIn=60)


def test_a_client_with_the_keys_does_everything(settings: Settings) -> None:
    client, bucket = connect(settings), settings.s3_bucket
    key = PREFIX + "a b/файл+1~(x).bin"
    client.put_object(Bucket=bucket, Key=key, Body=b"body", Metadata={"name": "a  b"})
    assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == b"body"
    assert client.head_object(Bucket=bucket, Key=key)["Metadata"] == {"name": "a  b"}
    tags = [{"Key": "kind", "Value": "a test"}]
    client.put_object_tagging(Bucket=bucket, Key=key, Tagging={"TagSet": tags})  # type: ignore[typeddict-item]
    assert client.get_object_tagging(Bucket=bucket, Key=key)["TagSet"] == tags
    listed = client.list_objects_v2(Bucket=bucket, Prefix=PREFIX + "a b/")
    assert [entry["Key"] for entry in listed["Contents"]] == [key]
    client.delete_objects(Bucket=bucket, Delete={"Objects": [{"Key": key}]})
    assert client.list_objects_v2(Bucket=bucket, Prefix=PREFIX + "a b/")["KeyCount"] == 0
    assert client.get_bucket_lifecycle_configuration(Bucket=bucket)["Rules"]


@pytest.mark.parametrize("is_payload_signed", [True, False])
def test_twenty_megabytes_go_up_in_parts(settings: Settings, is_payload_signed: bool) -> None:
    configuration = Config(s3={"payload_signing_enabled": is_payload_signed})
    client, bucket = connect(settings, config=configuration), settings.s3_bucket
    body, key = bytes(range(256)) * (20 * 4096), PREFIX + "large"
    client.upload_fileobj(io.BytesIO(body), bucket, key)
    assert client.get_object(Bucket=bucket, Key=key)["Body"].read() == body


def test_presigned_urls_work_until_they_expire(settings: Settings) -> None:
    put = _fetch("PUT", _presigned(settings, "put_object", "signed"), body=b"by url")
    assert put.status == 200, put.data
    good = _presigned(settings, "get_object", "signed")
    assert _fetch("GET", good).data == b"by url"
    named = {"ResponseContentDisposition": "attachment; filename=x"}
    assert (
        _fetch("GET", _presigned(settings, "get_object", "signed", **named)).headers[
            "content-disposition"
        ]
        == "attachment; filename=x"
    )
    assert _fetch("PUT", good, body=b"x").status == 403
    old = good.replace("X-Amz-Date=20", "X-Amz-Date=19").replace("%2F20", "%2F19", 1)
    answer = _fetch("GET", old)
    assert (answer.status, b"expired" in answer.data) == (403, True)


@pytest.mark.parametrize(
    ("field", "code"),
    [
        ("aws_access_key_id", "InvalidAccessKeyId"),
        ("aws_secret_access_key", "SignatureDoesNotMatch"),
    ],
)
def test_wrong_keys_are_refused(settings: Settings, field: str, code: str) -> None:
    client = connect(settings.model_copy(update={field: "wrong"}))
    with pytest.raises(ClientError) as caught:
        client.put_object(Bucket=settings.s3_bucket, Key=PREFIX + "no", Body=b"x" * 3_000_000)
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@pytest.mark.parametrize("method", ["GET", "HEAD", "PUT", "POST", "DELETE", "OPTIONS"])
def test_unsigned_requests_are_refused_and_no_web_page_may_read(
    settings: Settings, method: str
) -> None:
    place = f"{settings.s3_endpoint_url}/{settings.s3_bucket}/{PREFIX}signed"
    answer = _fetch(method, place, headers={"Origin": "https://example.org"})
    assert answer.status == 403
    assert (b"<Code>AccessDenied</Code>" in answer.data) == (method != "HEAD")
    assert not [name for name in answer.headers if name.lower().startswith("access-control")]


def test_of_the_servers_own_pages_only_health_is_open(settings: Settings) -> None:
    own = f"{settings.s3_endpoint_url}/_ministack/"
    health = _fetch("GET", own + "health", headers={"Origin": "https://example.org"})
    assert health.status == 200
    assert "access-control-allow-origin" not in health.headers
    for method, path in (("POST", "reset"), ("POST", "config"), ("POST", "health")):
        assert _fetch(method, own + path).status == 403
    # Not even for who holds the keys, for whom it is a bucket's name.
    with pytest.raises(ClientError, match="AccessDenied"):
        connect(settings).upload_fileobj(io.BytesIO(b""), "_ministack", "reset")


def test_clickhouse_writes_to_it_and_reads_from_it(stack: RunningStack, settings: Settings) -> None:
    place = f"{settings.s3_endpoint_url}/{settings.s3_bucket}/{PREFIX}numbers.csv"
    keys = {"k": settings.aws_access_key_id, "s": settings.aws_secret_access_key, "u": place}
    table = "s3({u:String}, {k:String}, {s:String}, 'CSV', 'n UInt64')"
    client = connect_clickhouse()
    client.command(
        f"INSERT INTO FUNCTION {table} SETTINGS s3_truncate_on_insert = 1"
        " SELECT number FROM numbers(1000)",
        parameters=keys,
    )
    assert client.query(f"SELECT sum(n) FROM {table}", parameters=keys).result_rows == [(499500,)]
    keys["u"] = f"{settings.s3_endpoint_url}/{settings.s3_bucket}/{PREFIX}backup-{uuid4()}"
    archive = f"S3('{keys['u']}', '{keys['k']}', '{keys['s']}')"
    name = "default.backed_up_by_the_gate_test"
    client.command(f"CREATE OR REPLACE TABLE {name} ENGINE = MergeTree ORDER BY n AS SELECT 1 AS n")
    client.command(f"BACKUP TABLE {name} TO {archive}")
    client.command(f"DROP TABLE {name} SYNC")
    client.command(f"RESTORE TABLE {name} FROM {archive}")
    assert client.query(f"SELECT n FROM {name}").result_rows == [(1,)]
    client.command(f"DROP TABLE {name} SYNC")
