"""What is said in fixed words, because it must not vary: not knowing, calling a person, manners."""

from __future__ import annotations

from datetime import datetime

UNKNOWN = {
    "en": (
        "I could not find this in our help pages, and I would rather not guess. "
        "Shall I ask a person to look into it?"
    ),
    "zh": "抱歉，我在帮助页面里没有找到相关内容，不想随意猜测。需要我请同事来帮您吗？",
    "de": (
        "Dazu habe ich auf unseren Hilfeseiten nichts gefunden, und raten möchte ich nicht. "
        "Soll ich eine Kollegin oder einen Kollegen bitten, sich darum zu kümmern?"
    ),
    "fr": (
        "Je n'ai pas trouvé cela dans nos pages d'aide et je préfère ne pas deviner. "
        "Souhaitez-vous que je demande à une personne de s'en occuper ?"
    ),
    "es": (
        "No he encontrado esto en nuestras páginas de ayuda y prefiero no adivinar. "
        "¿Quiere que le pida a una persona que lo mire?"
    ),
}
HANDED_OFF = {
    "en": (
        "Of course. I have called a person from our team; they will answer you here. "
        "Everything you have written so far is passed on to them."
    ),
    "zh": "好的，我已经通知了我们的同事，他们会在这里回复您。您之前写的内容都会转给他们。",
    "de": (
        "Gerne. Ich habe jemanden aus unserem Team gerufen, die Antwort kommt hier. "
        "Alles, was Sie bisher geschrieben haben, wird weitergegeben."
    ),
    "fr": (
        "Bien sûr. J'ai appelé une personne de notre équipe, elle vous répondra ici. "
        "Tout ce que vous avez écrit lui est transmis."
    ),
    "es": (
        "Por supuesto. He avisado a una persona de nuestro equipo, que le responderá aquí. "
        "Todo lo que ha escrito hasta ahora se le transmite."
    ),
}
BY_A_PERSON = {
    "en": "A person of our team wrote this.",
    "zh": "此回复由我们的同事撰写。",
    "de": "Das hat jemand aus unserem Team geschrieben.",
    "fr": "Ce message a été écrit par une personne de notre équipe.",
    "es": "Este mensaje lo ha escrito una persona de nuestro equipo.",
}
ANGER = {
    "en": (
        "I am sorry, I can see that I am not helping. I have called a person from our team; "
        "they will answer you here."
    ),
    "zh": "非常抱歉，看来我没能帮到您。我已经通知了我们的同事，他们会在这里回复您。",
    "de": (
        "Es tut mir leid, ich merke, dass ich Ihnen nicht helfe. Ich habe jemanden aus unserem "
        "Team gerufen, die Antwort kommt hier."
    ),
    "fr": (
        "Je suis désolé, je vois que je ne vous aide pas. J'ai appelé une personne de notre "
        "équipe, elle vous répondra ici."
    ),
    "es": (
        "Lo siento, veo que no le estoy ayudando. He avisado a una persona de nuestro equipo, que "
        "le responderá aquí."
    ),
}
NOTHING_FOUND = {
    "en": (
        "I could not find this in our help pages either, so I have called a person from our team; "
        "they will answer you here."
    ),
    "zh": "这个问题我在帮助页面里也没有找到，所以我已经通知了我们的同事，他们会在这里回复您。",
    "de": (
        "Auch dazu habe ich auf unseren Hilfeseiten nichts gefunden. Ich habe deshalb jemanden "
        "aus unserem Team gerufen, die Antwort kommt hier."
    ),
    "fr": (
        "Je n'ai pas trouvé cela non plus dans nos pages d'aide. J'ai donc appelé une personne de "
        "notre équipe, elle vous répondra ici."
    ),
    "es": (
        "Tampoco he encontrado esto en nuestras páginas de ayuda, así que he avisado a una persona "
        "de nuestro equipo, que le responderá aquí."
    ),
}
POLICY = {
    "en": (
        "This is for a person to answer. I have called one from our team; they will answer you "
        "here."
    ),
    "zh": "这个问题需要由同事来回答。我已经通知了他们，他们会在这里回复您。",
    "de": (
        "Das beantwortet Ihnen besser ein Mensch. Ich habe jemanden aus unserem Team gerufen, die "
        "Antwort kommt hier."
    ),
    "fr": (
        "C'est à une personne de vous répondre. J'en ai appelé une de notre équipe, elle vous "
        "répondra ici."
    ),
    "es": (
        "Esto debe responderlo una persona. He avisado a alguien de nuestro equipo, que le "
        "responderá aquí."
    ),
}
FAILED = {
    "en": (
        "I am sorry, something went wrong here and I could not answer. I have called a person "
        "from our team; they will answer you here."
    ),
    "zh": "非常抱歉，系统出了问题，我没能回答您。我已经通知了我们的同事，他们会在这里回复您。",
    "de": (
        "Entschuldigung, hier ist etwas schiefgegangen, und ich konnte nicht antworten. Ich habe "
        "jemanden aus unserem Team gerufen, die Antwort kommt hier."
    ),
    "fr": (
        "Désolé, un problème est survenu et je n'ai pas pu répondre. J'ai appelé une personne de "
        "notre équipe, elle vous répondra ici."
    ),
    "es": (
        "Lo siento, algo ha fallado y no he podido responder. He avisado a una persona de nuestro "
        "equipo, que le responderá aquí."
    ),
}
CLOSED = {
    "en": "We are closed at the moment and are back on {when}.",
    "zh": "我们目前不在工作时间，将于{when}恢复服务。",
    "de": "Im Moment ist niemand da; wir sind wieder da am {when}.",
    "fr": "Nous sommes fermés pour le moment et de retour {when}.",
    "es": "En este momento estamos cerrados; volvemos el {when}.",
}
"""Said behind what is said when a person is called."""
_WEEKDAYS = {
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
    "zh": ("周一", "周二", "周三", "周四", "周五", "周六", "周日"),
    "de": ("Montag", "Dienstag", "Mittwoch", "Donnerstag", "Freitag", "Samstag", "Sonntag"),
    "fr": ("lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"),
    "es": ("lunes", "martes", "miércoles", "jueves", "viernes", "sábado", "domingo"),
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June", "July", "August", "September",
    "October", "November", "December",
)  # fmt: skip
_WHEN = {
    "en": "{weekday}, {day} {month_name} at {time} ({zone})",
    "zh": "{month}月{day}日（{weekday}）{time}（{zone}）",
    "de": "{weekday}, {day}.{month}. um {time} Uhr ({zone})",
    "fr": "{weekday} {day}/{month} à {time} ({zone})",
    "es": "{weekday} {day}/{month} a las {time} ({zone})",
}
SMALL_TALK = {
    "greeting": {
        "en": "Hello! How can I help you?",
        "zh": "您好！请问有什么可以帮您？",
        "de": "Guten Tag! Wie kann ich Ihnen helfen?",
        "fr": "Bonjour ! Comment puis-je vous aider ?",
        "es": "¡Hola! ¿En qué puedo ayudarle?",
    },
    "thanks": {
        "en": "You are welcome!",
        "zh": "不客气！",
        "de": "Gern geschehen!",
        "fr": "Avec plaisir !",
        "es": "¡De nada!",
    },
    "goodbye": {
        "en": "Goodbye, and have a nice day!",
        "zh": "再见，祝您愉快！",
        "de": "Auf Wiedersehen und einen schönen Tag!",
        "fr": "Au revoir et bonne journée !",
        "es": "¡Adiós y que tenga un buen día!",
    },
    "identity": {
        "en": (
            "I am the customer service assistant, a computer program. I answer questions from our "
            "help pages, and I can ask a person to help you."
        ),
        "zh": "我是这里的客服助手，一个程序。我根据帮助页面回答问题，也可以请同事来帮您。",
        "de": (
            "Ich bin der Assistent des Kundendienstes, ein Programm. Ich beantworte Fragen aus "
            "unseren Hilfeseiten und kann jemanden aus dem Team rufen."
        ),
        "fr": (
            "Je suis l'assistant du service client, un programme. Je réponds à partir de nos pages "
            "d'aide et je peux appeler une personne."
        ),
        "es": (
            "Soy el asistente de atención al cliente, un programa. Respondo con nuestras páginas "
            "de ayuda y puedo llamar a una persona."
        ),
    },
    "acknowledgement": {
        "en": "All right. If there is anything else, just ask.",
        "zh": "好的。如果还有其他问题，请随时问我。",
        "de": "Alles klar. Wenn noch etwas ist, fragen Sie einfach.",
        "fr": "Très bien. S'il y a autre chose, n'hésitez pas.",
        "es": "De acuerdo. Si hay algo más, pregúnteme.",
    },
}
"""For models that were not taught such words; one that reads is not asked, for lack of a check."""


def says_unknown(text: str) -> bool:
    """Whether this is the reply that offers a person because nothing was found."""
    return text.strip() in UNKNOWN.values()


def closed_until(opens: datetime, language: str) -> str:
    """`opens`: in the time zone of the business."""
    known = language if language in CLOSED else "en"
    when = _WHEN[known].format(
        weekday=_WEEKDAYS[known][opens.weekday()],
        day=opens.day,
        month=opens.month,
        month_name=_MONTHS[opens.month - 1],
        time=f"{opens:%H:%M}",
        zone=opens.tzname(),
    )
    return CLOSED[known].format(when=when)


def fixed(replies: dict[str, str], language: str) -> str:
    """English where nobody has written it in the customer's language."""
    return replies.get(language, replies["en"])
