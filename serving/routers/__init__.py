"""One router per resource. Assembled by `serving.app`; nothing else belongs here."""
