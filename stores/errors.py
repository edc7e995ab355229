"""The one error tree. A transient error is worth a retry; a permanent one is not.

    PlatformError
    ├── TransientError            try again later, nothing was half-written
    │   ├── StoreUnavailable      a store refused, timed out or went away
    │   └── StoreBusy             a store answered that it has no room right now
    └── PermanentError            a retry cannot help; somebody must act
        ├── SettingInvalid        a setting is missing or wrong; names the setting
        ├── InputInvalid          input breaks a rule; names the field and the rule
        ├── StateConflict         what is there contradicts what was asked
        └── CaptureStopped        change capture cannot go on without losing data

Messages say what to do next and never carry a secret or a row's values.
"""


class PlatformError(Exception):
    """Base of everything this platform raises on purpose."""


class TransientError(PlatformError):
    """Worth a retry with back-off."""


class StoreUnavailable(TransientError):
    """A store refused, timed out or went away."""


class StoreBusy(TransientError):
    """A store answered that it has no room right now."""


class PermanentError(PlatformError):
    """A retry cannot help."""


class SettingInvalid(PermanentError):
    """A setting is missing or wrong."""

    def __init__(self, setting: str, problem: str, remedy: str = "") -> None:
        self.setting = setting
        super().__init__(f"{setting}: {problem}" + (f" {remedy}" if remedy else ""))


class InputInvalid(PermanentError):
    """Input breaks a rule.

    `field` is the path of the offending value, `rule` what it must satisfy.
    """

    def __init__(self, field: str, rule: str, where: str = "") -> None:
        self.field = field
        self.rule = rule
        super().__init__(f"{where + ': ' if where else ''}{field}: {rule}")


class StateConflict(PermanentError):
    """What is there contradicts what was asked."""


class CaptureStopped(PermanentError):
    """Change capture stopped rather than lose or invent data; the message names the way out."""
