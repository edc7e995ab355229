"""The words that the demo is made of: names, companies, positions, questions, answers.

Belongs here: invented text only. Any likeness to a person or a company is chance.
"""


def _words(text: str) -> tuple[str, ...]:
    return tuple(text.split())


GIVEN_NAMES = _words(
    """
    Anna Boris Clara Daniel Elena Farid Grace Hiro Irina Jonas Katya Liam Maria Nikolai Olga Pavel
    Quinn Rosa Sergey Tamara Umar Vera Walter Xenia Yusuf Zoya Amara Bruno Chiara Dmitri
    """
)
FAMILY_NAMES = _words(
    """
    Abramova Becker Costa Dubois Egorov Fischer Garcia Haddad Ivanova Jensen Kim Lebedev Meyer
    Novak Okafor Petrova Quist Rossi Sokolov Tanaka Ustinov Vogel Wang Xu Yilmaz Zimina Andersen
    Brandt Castillo Dimitrov
    """
)
COMPANY_FIRST = _words(
    """
    Amber Birch Cobalt Delta Ember Fjord Granite Harbor Indigo Juniper Kestrel Lumen Maple Nimbus
    Orchid Pioneer Quartz Raven Summit Tundra
    """
)
COMPANY_LAST = _words(
    """
    Analytics Bank Clinics Delivery Energy Foods Games Hotels Insurance Labs Logistics Media
    Retail Robotics Software Telecom
    """
)
POSITIONS = (
    "Backend Engineer",
    "Data Analyst",
    "Data Engineer",
    "Frontend Engineer",
    "Product Manager",
    "QA Engineer",
    "Sales Manager",
    "Support Specialist",
    "UX Designer",
    "Accountant",
    "Recruiter",
    "Warehouse Lead",
)
QUESTIONS = (
    "Tell us about yourself and what brings you to this position.",
    "Describe a project that you are proud of. What was your part in it?",
    "Tell us about a mistake you made and what came of it.",
    "How do you decide what to do first when everything is urgent?",
    "Describe a disagreement with a colleague and how it ended.",
    "What would you want to learn in your first three months here?",
    "Explain something you know well to somebody who has never heard of it.",
    "Which numbers would you look at to know that you are doing well?",
    "How do you make sure that your work is correct?",
    "Why are you looking for a new position now?",
)
SENTENCES_EN = (
    "In my last team I was responsible for the reporting pipeline.",
    "We had to move four hundred clients without stopping the service.",
    "I talked to the people who used it before I changed anything.",
    "It took longer than planned, because the old data was not clean.",
    "Looking back I would have asked for help a week earlier.",
    "I like work where I can see the result with my own eyes.",
    "We agreed on one number that everybody could check.",
    "I wrote the tests first, and that saved us twice.",
    "The customer called me a month later to say thank you.",
    "I want to learn how decisions are made in a larger company.",
)
SENTENCES_RU = (
    "В прошлой команде я отвечал за отчётность и качество данных.",
    "Мы переносили клиентов по одному, не останавливая сервис.",
    "Сначала я поговорил с теми, кто пользуется системой каждый день.",
    "Получилось не сразу, но через месяц всё работало.",
    "Мне нравится видеть результат своей работы.",
    "Мы договорились об одном показателе, который все понимают.",
)
KEYWORDS = _words(
    """
    teamwork ownership reporting python planning customers negotiation testing leadership
    migration deadlines communication quality learning sales design
    """
)
SKILLS = ("communication", "problem_solving", "experience", "motivation")
PAGES = (
    "/dashboard",
    "/interviews",
    "/interviews/{id}",
    "/candidates",
    "/reports",
    "/settings",
    "/billing",
)
USER_AGENTS = (
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 14_7) AppleWebKit/605.1.15 Version/18.1 Safari/605.1",
    "Mozilla/5.0 (X11; Linux x86_64; rv:145.0) Gecko/20100101 Firefox/145.0",
    "Mozilla/5.0 (Linux; Android 15; Pixel 9) AppleWebKit/537.36 Chrome/142.0 Mobile Safari/537.36",
    "Mozilla/5.0 (iPhone; CPU iPhone OS 18_1) AppleWebKit/605.1.15 Version/18.1 Mobile/15E148",
)
JOB_ERRORS = {
    "compression": "encoder stopped: the stream has no key frame",
    "thumbnail": "no frame could be decoded in the first second",
    "transcription": "no speech was found in the audio",
}
