"""Who asks and who answers: a transcript's turns become questions and answers.

Belongs here: the rules of attribution, which docs/how_to/load_real_input.md states for users.

- Interviewers are those whom the file names; where it names none who speaks, the first speaker.
- Every turn of an interviewer is a question. Every other named speaker is an interviewee, and
  what they say until the next question is their answer to the last one.
- A transcript that names no speaker is one question with one answer: to guess who said what
  would be to invent it.
"""

from dataclasses import dataclass, field

from ingestion.loaders.recordings.details import interviewee_from_name
from ingestion.loaders.recordings.turns import UNKNOWN_SPEAKER, Recording, Turn
from ingestion.loaders.report import Skipped

FULL_CONVERSATION = "Full conversation"
OPENING = "(before the first question)"


@dataclass(frozen=True)
class Answer:
    """What one interviewee said to one question, possibly in several turns."""

    question_index: int
    turns: tuple[Turn, ...]

    @property
    def text(self) -> str:
        return "\n\n".join(turn.text for turn in self.turns)

    @property
    def start_seconds(self) -> float | None:
        return self.turns[0].start_seconds

    @property
    def duration_seconds(self) -> float | None:
        """The sum of the turns' durations; None as soon as one of them is not known."""
        known = [turn.duration_seconds for turn in self.turns]
        return None if None in known else sum(seconds for seconds in known if seconds is not None)


@dataclass
class Conversation:
    """Questions in order, and per interviewee (None where nobody is named) their answers."""

    interviewers: list[str] = field(default_factory=list)
    questions: list[str] = field(default_factory=list)
    answers: dict[str | None, list[Answer]] = field(default_factory=dict)
    skipped: list[Skipped] = field(default_factory=list)


def attribute(recording: Recording) -> Conversation:
    """Apply the rules above."""
    if all(turn.speaker is None for turn in recording.turns):
        return Conversation(
            questions=[FULL_CONVERSATION],
            answers={interviewee_from_name(recording.name): [Answer(0, recording.turns)]},
        )
    conversation = Conversation(interviewers=_interviewers(recording))
    collected: dict[tuple[str, int], list[Turn]] = {}
    for turn in recording.turns:
        if turn.speaker in conversation.interviewers:
            conversation.questions.append(turn.text)
        elif turn.speaker is None or turn.speaker == UNKNOWN_SPEAKER:
            where = f"{recording.name}, line {turn.line}"
            conversation.skipped.append(Skipped(where, "a turn of an unknown speaker"))
        else:
            if not conversation.questions:
                conversation.questions.append(OPENING)
            index = len(conversation.questions) - 1
            collected.setdefault((turn.speaker, index), []).append(turn)
    for (speaker, index), turns in collected.items():
        conversation.answers.setdefault(speaker, []).append(Answer(index, tuple(turns)))
    return conversation


def _interviewers(recording: Recording) -> list[str]:
    speakers = list(dict.fromkeys(turn.speaker for turn in recording.turns if turn.speaker))
    named = [
        speaker
        for speaker in speakers
        if any(_is_same_person(speaker, name) for name in recording.interviewers)
    ]
    return named or speakers[:1]


def _is_same_person(speaker: str, name: str) -> bool:
    """Equal but for middle names and initials: Rich McGrath is Rich W McGrath."""
    ours, theirs = speaker.casefold().split(), name.casefold().split()
    return bool(ours and theirs) and (ours[0], ours[-1]) == (theirs[0], theirs[-1])
