"""Where installed packages keep the servers' programs.

Found, not imported: importing these packages loads drivers and touches the user's home.
"""

import importlib.util
from pathlib import Path


def package_folder(name: str) -> Path:
    """The folder of the installed package `name`."""
    found = importlib.util.find_spec(name)
    if found is None or found.origin is None:
        raise ModuleNotFoundError(f"{name} is not installed: run `make install`")
    return Path(found.origin).parent


def program(package: str, pattern: str) -> Path:
    """The one file of `package` that matches `pattern`: wheels hold one platform's."""
    folder = package_folder(package)
    matches = sorted(folder.glob(pattern))
    if len(matches) != 1:
        raise FileNotFoundError(f"{folder} has {len(matches)} of {pattern}: run `make install`")
    return matches[0]
