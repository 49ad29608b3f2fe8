"""What is said in fixed words, because it must not vary: not knowing, and calling a person."""

from __future__ import annotations

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
ANGER = {
    "en": (
        "I am sorry, I can see that I am not helping. I have called a person from our team; "
        "they will answer you here."
    ),
    "zh": "非常抱歉，看来我没能帮到您。我已经通知了我们的同事，他们会在这里回复您。",
}


def fixed(replies: dict[str, str], language: str) -> str:
    """English where nobody has written it in the customer's language."""
    return replies.get(language, replies["en"])
