"""`dashboard`: a link that opens the usage dashboard signed in.

Belongs here: asking the API for the link and printing it. `up` asks with `login_link` too.
"""

import json
import urllib.error
import urllib.request

import click

from stores.errors import InputInvalid, StoreUnavailable
from stores.settings import load_settings

ANSWER_SECONDS_LIMIT = 10


def login_link(api_url: str, api_key: str) -> str:
    """A link that signs a browser in once, within a day.

    Raises StoreUnavailable where the API does not answer, InputInvalid where the key may not.
    """
    request = urllib.request.Request(  # noqa: S310  settings allow http and https only
        f"{api_url.rstrip('/')}/dashboards/login-links",
        method="POST",
        headers={"Authorization": f"Bearer {api_key}"},
    )
    try:
        with urllib.request.urlopen(request, timeout=ANSWER_SECONDS_LIMIT) as answer:  # noqa: S310
            return str(json.load(answer)["url"])
    except urllib.error.HTTPError as error:
        if error.code in (401, 403):
            rule = "must be a working key with the scope usage:read (`interview-data keys create`)"
            raise InputInvalid("API_KEY", rule) from None
        problem = f"API_URL: the API answers {error.code}. See `interview-data logs api`."
        raise StoreUnavailable(problem) from None
    except OSError as error:
        problem = f"API_URL: the API does not answer: {error}. See `interview-data status`."
        raise StoreUnavailable(problem) from None


@click.command()
@click.option("--open", "is_opened", is_flag=True, help="Open it in the browser as well.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def dashboard(is_opened: bool, as_json: bool) -> None:
    """Print a link that opens the usage dashboard signed in. It works once, within a day."""
    settings = load_settings()
    url = login_link(settings.require("api_url"), settings.require("api_key"))
    click.echo(json.dumps({"url": url}) if as_json else url)
    if is_opened:
        click.launch(url)
