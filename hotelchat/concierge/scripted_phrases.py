"""What the stand-in concierge recognises and says without any article: intents and courtesies by language.

Patterns are matched against folded text (`language.fold`), all languages at once: a guest who writes one
word of another language still reaches a person.
"""

import re
from enum import StrEnum

from hotelchat.concierge.language import fold


class Intent(StrEnum):
    """A message that is handed to people whatever the articles say; the values are handover reasons."""

    EMERGENCY = "emergency"
    ASKED_FOR_PERSON = "asked_for_person"
    COMPLAINT = "complaint"
    BOOKING = "booking"


class Courtesy(StrEnum):
    """What small talk asks for."""

    GREETING = "greeting"
    THANKS = "thanks"
    GOODBYE = "goodbye"


_PATTERNS = {
    Intent.EMERGENCY: r"""
        \bemergency\b(?! (exit|number))|\bambulance\b|\bheart attack\b|\bunconscious\b|\b(not|n't|can'?t
        |cannot) breath|\bcalling the police\b|\bcall the police\b|\b(there is|there's) a fire\b
        |\bsmell(s)? (of )?gas\b|\bdrowning\b|\bbleeding\b|\bes una emergencia\b|\bambulancia\b|\binfarto\b
        |\binconsciente\b|\bno respira\b|\bhay fuego\b|\bun incendio\b|\bsangra(ndo)?\b|\bnotfall\b
        |\bkrankenwagen\b|\bbewusstlos\b|\bes brennt\b|\bherzinfarkt\b|\bblutet\b|\burgence vitale\b
        |\bc'est une urgence\b|\bau feu\b|\bne respire\b|\binconsciente?\b|\bambulanza\b|\bemergenza\b
        |\bincendio\b|\bnon respira\b|\bemergencia medica\b|\bnao respira\b|\bnoodgeval\b|\bbrand!
        |\bbewusteloos\b|\bkaretk|\bnie oddycha\b|\bpozar\b|\bнаглий випадок|\bшвидк(а|у) допомог|\bпожежа\b
        |\bскор(ая|ую) помощь|\bпожар\b|\bне дихає|\bне дышит|救急車|火事|意識(が|を)|急救|救护车|着火|火灾
        |اسعاف|حريق|طوارئ""",
    Intent.ASKED_FOR_PERSON: r"""
        \b(speak|talk|chat)( directly)? (to|with) (some|a |an |the |your |reception|staff|human|people)
        |\breal (person|human)|\bhuman (being|agent|please)|\ba human\b|\blive agent\b|\bspeak to (reception
        |staff)|\bnot a (bot|robot|machine)|\bcall me\b|\bthe manager\b|\bcustomer service\b|\bhablar con\b
        |\bpersona (real|de verdad)\b|\bcon (una persona|alguien|un humano|un agente)\b|\bque me (llame
        |atienda)|\bllam(a|e)nme\b|\bel gerente\b|\b(jemande[mn]|einem menschen|einer person
        |mitarbeiter(in)?|der rezeption|kollegen) (sprechen|reden|schreiben)|\bechte[rnm]? (mensch|person)
        |\bruf(en|t) (sie )?mich\b.{0,8}\ban\b|\bparler (a|avec|au) |\b(un humain|vraie personne)\b
        |\brappele[zr]|\bparlare con\b|\bpersona (vera|reale)\b|\bun operatore\b|\bfalar com\b
        |\bpessoa (real|de verdade)\b|\b(um humano|atendente)\b|\b(iemand|een medewerker|de receptie
        |een mens) (te )?(spreken|praten)|\bmet (iemand|een (mens|medewerker)) (praten|spreken)
        |\becht(e)? (mens|persoon)|\b(po)?rozmawiac z\b|\bz (czlowiekiem|konsultantem|recepcja)\b
        |\bпоговорит[иь] [зс]|\bпоспілкуватися з|\b(живою|живым|живої) |\b[зс] (людиною|человеком
        |оператором)|人と話|人間と|オペレーター|担当(者|の方)|スタッフ.{0,8}(話|はな|代わ|つない)|誰かと話
        |人工(客服|服务)|转人工|真人|[跟和与].{0,6}(人|前台|员工|经理).{0,4}[说聊谈讲话]|(التحدث|اتحدث|اتكلم
        |الكلام) (مع|الي|ال)|شخص حقيقي|خدمه العملاء""",
    Intent.COMPLAINT: r"""
        \bcomplain|\bunacceptable\b|\bdisgusting\b|\bterrible\b|\bfilthy\b|\b(is|are|was|were|so
        |very) dirty\b|\bcockroach|\b(not|n't|isn't|stopped|doesn't|doesnt|does not|don't) work|\b(is|are
        |seems|was) broken\b|\bbroken\b|\bno hot water\b|\bleak(s|ing)?\b|\bvery disappointed\b
        |\bdisappointing\b|\brefund me\b|\bmy money back\b|\btoo (loud|noisy|hot in)|\bcan'?t sleep\b
        |\bstill (not|no|waiting|cold|warm)\b|\bstinks\b|\bqueja|\breclamacion\b|\binaceptable\b
        |\bno (funciona|enfria|sale agua)|\best(a|aba) (rot[oa]|suci[oa]|averiad[oa])|\bno podemos dormir
        |\bno puedo dormir|\bsigue sin\b|\bun asco\b|\bcucaracha|\bbeschwer|\bkaputt\b
        |\bfunktioniert (\w+ ){0,2}nicht\b|\bgeht nicht\b|\bschmutzig\b|\bunzumutbar\b|\bwird nicht warm
        |\benttauscht\b|\bne (marche|fonctionne) (pas|plus)|\bplainte\b|\binadmissible\b|\best (sale|casse)
        |\bdegoutant|\bnon funziona|\breclamo\b|\b(e|sono) (rott|sporc)[oaie]\b|\binaccettabile\b
        |\bnao funciona|\breclamacao\b|\b(esta|estava) (suj|quebrad)[oa]|\binaceitavel|\bwerkt niet
        |\bdoet het niet|\bklacht\b|\bkapot\b|\bvies\b|\bnie dziala|\bzepsut|\bbrudn|\breklamac|\bне працює
        |\bзламан|\bбрудн|\bскарг|\bне работает|\bсломан|\bгрязн|\bжалоб|壊れ|動きません|動かない|汚い|苦情
        |うるさ|坏了|投诉|太脏|太吵|不能用|شكوي|لا يعمل|معطل|وسخ|قذر""",
    Intent.BOOKING: r"""
        (?<!do )\b(i|we)('d| would)? (like|love|want|wish|need) to (book|reserve|order|cancel my
        |change my)\b|\b(can|could|would) (you|i|we)( please)? (book|reserve|cancel my|change my)\b|\b(can
        |could|would) you( please)? order\b|\bplease (book|reserve|order|cancel my)\b|^(please )?(book
        |reserve) |\b(quiero|quisiera|queremos|quisieramos|puedo|podemos|puede|podria
        |me gustaria) (\w+ )?(reservar|encargar|cancelar mi|cambiar mi)|\breserv(e|a)me\b|\b(mochte|mochten
        |wurde|wurden|konnen|konnte|konnten|bitte) .{0,60}\b(reservier|buchen|bestellen|stornieren)
        |\b(voudrais|voudrions|aimerais|pourriez|peux|peut|pouvez)( -)?(vous )?.{0,6}(reserver|commander
        |annuler ma)|\b(vorrei|vorremmo|posso|possiamo|potete) (prenotare|ordinare|cancellare la mia)
        |\b(gostaria de|queria|quero|posso|podemos) (reservar|encomendar|cancelar a minha)|\b(wil|willen
        |graag|kan|kunnen) .{0,60}\b(reserveren|boeken|bestellen|annuleren)\b|\b(chce|chcemy|chcialbym
        |chcialabym|prosze|mozna) .{0,20}(zarezerwowac|zamowic|o rezerwacj)|\bзамовити\b|\bзабронювати\b
        |\bзаброньовати|\bзабронировать\b|\bзаказать\b|予約(した|を|でき|お願い)|取りたい|(预订|预定|订一
        |想订|帮我订)|احجز|حجز طاوله|اريد حجز""",
}
INTENTS = {
    intent: re.compile(fold("".join(line.strip() for line in pattern.splitlines())))
    for intent, pattern in _PATTERNS.items()
}
"""In the order in which they are asked: an emergency outweighs a complaint."""

_SMALL_TALK = {
    Courtesy.THANKS: """thanks thank you thx ty cheers appreciated gracias muchas vale genial perfecto danke
        vielen dank schon super prima alles klar merci beaucoup parfait grazie mille perfetto obrigado
        obrigada muito perfeito bedankt dank dankjewel top dziekuje dzieki bardzo super дякую щиро
        спасибо большое ok okay okey great perfect lovely wonderful excellent nice cool got it noted
        understood ありがとう ありがとうございます 了解です 了解しました
        谢谢 谢谢你 多谢 好的 شكرا شكرا جزيلا""",
    Courtesy.GOODBYE: """bye goodbye see you later adios hasta luego pronto tschuss auf wiedersehen au revoir
        arrivederci a dopo adeus tchau ate logo tot ziens doei do widzenia pa до побачення до свидания
        goodnight gute nacht さようなら おやすみなさい 再见 晚安 مع السلامه""",
    Courtesy.GREETING: """hello hi hey hiya morning good afternoon evening day there hola buenas buenos dias
        tardes guten tag hallo moin servus morgen abend bonjour bonsoir salut buongiorno buonasera
        salve ciao noches ola bom dia boa tarde noite goedemorgen goedemiddag goedenavond goedendag
        dzien dobry czesc wieczor привіт добрий добрего день вечір доброго дня привет здравствуйте
        こんにちは こんばんは おはようございます おはよう 你好
        您好 早上好 晚上好 مرحبا السلام عليكم اهلا صباح الخير""",
}
SMALL_TALK = {courtesy: frozenset(fold(words).split()) for courtesy, words in _SMALL_TALK.items()}
FILLERS = frozenset(
    fold(
        """so very much for your the a all everything help that is then and y por todo su ayuda muy
        das ist die fur ihre hilfe und pour votre aide et tout per il vostro aiuto e tutto pela sua
        ajuda voor uw hulp en za pomoc за допомогу за помощь dear team everyone you we will be to have
        night te u bien bene schones schonen noch bonne journee buona giornata"""
    ).split()
)

GREETINGS = {
    "en": "Hello! How can I help you?",
    "es": "¡Hola! ¿En qué puedo ayudarle?",
    "de": "Guten Tag! Wie kann ich Ihnen helfen?",
    "fr": "Bonjour ! Comment puis-je vous aider ?",
    "it": "Buongiorno! Come posso aiutarla?",
    "pt": "Olá! Como posso ajudar?",
    "nl": "Goedendag! Hoe kan ik u helpen?",
    "pl": "Dzień dobry! W czym mogę pomóc?",
    "uk": "Добрий день! Чим можу допомогти?",
    "ru": "Здравствуйте! Чем могу помочь?",
    "ja": "こんにちは。どのようなご用件でしょうか。",
    "zh": "您好！请问有什么可以帮您？",
    "ar": "مرحبًا! كيف يمكنني مساعدتكم؟",
}
THANKS = {
    "en": "You are welcome!",
    "es": "¡Con mucho gusto!",
    "de": "Sehr gern!",
    "fr": "Avec plaisir !",
    "it": "Con piacere!",
    "pt": "De nada, com muito gosto!",
    "nl": "Graag gedaan!",
    "pl": "Bardzo proszę!",
    "uk": "Будь ласка, раді допомогти!",
    "ru": "Пожалуйста, рады помочь!",
    "ja": "どういたしまして。",
    "zh": "不客气！",
    "ar": "على الرحب والسعة!",
}
GOODBYES = {
    "en": "Goodbye, and all the best!",
    "es": "¡Hasta pronto!",
    "de": "Auf Wiedersehen, alles Gute!",
    "fr": "Au revoir et à bientôt !",
    "it": "Arrivederci e a presto!",
    "pt": "Até breve!",
    "nl": "Tot ziens!",
    "pl": "Do widzenia!",
    "uk": "До побачення, гарного дня!",
    "ru": "До свидания, всего доброго!",
    "ja": "またのご連絡をお待ちしております。",
    "zh": "再见，祝您愉快！",
    "ar": "إلى اللقاء، ونتمنى لكم يومًا سعيدًا!",
}
COURTESIES = {Courtesy.GREETING: GREETINGS, Courtesy.THANKS: THANKS, Courtesy.GOODBYE: GOODBYES}

A_COLLEAGUE_ANSWERS = {
    "en": "I am passing this on to a colleague, who will answer you here shortly.",
    "es": "Se lo paso a un compañero, que le responderá aquí en breve.",
    "de": "Ich gebe das an eine Kollegin oder einen Kollegen weiter; Sie bekommen hier gleich Antwort.",
    "fr": "Je transmets votre message à un collègue, qui vous répond ici sous peu.",
    "it": "Passo la richiesta a un collega, che le risponderà qui a breve.",
    "pt": "Vou passar a sua mensagem a um colega, que responde aqui em breve.",
    "nl": "Ik geef dit door aan een collega, die u hier zo antwoordt.",
    "pl": "Przekazuję to koledze, który wkrótce tu odpowie.",
    "uk": "Передаю ваше запитання колезі, вам незабаром відповідять тут.",
    "ru": "Передаю ваш вопрос коллеге, вам скоро ответят здесь.",
    "ja": "担当者におつなぎします。まもなくこちらでお返事いたします。",
    "zh": "我已转给同事，很快会在这里回复您。",
    "ar": "سأحوّل رسالتكم إلى أحد الزملاء، وسيجيبكم هنا قريبًا.",
}
WE_ARE_SORRY = {
    "en": "I am very sorry about this.",
    "es": "Lo siento mucho.",
    "de": "Das tut mir sehr leid.",
    "fr": "J'en suis vraiment désolé.",
    "it": "Mi dispiace molto.",
    "pt": "Lamento muito.",
    "nl": "Dat spijt me zeer.",
    "pl": "Bardzo przepraszamy.",
    "uk": "Нам дуже прикро.",
    "ru": "Нам очень жаль.",
    "ja": "ご不便をおかけし、誠に申し訳ございません。",
    "zh": "非常抱歉。",
    "ar": "نعتذر بشدة.",
}
HELP_IS_COMING = {
    "en": "I am calling a colleague right now. If anyone is in danger, call the emergency number at once.",
    "es": "Aviso ahora mismo a un compañero. Si alguien corre peligro, llame ya al número de emergencias.",
    "de": "Ich rufe sofort jemanden aus dem Team. Bei Gefahr wählen Sie bitte gleich den Notruf.",
    "fr": "J'appelle un collègue tout de suite. En cas de danger, appelez aussitôt le numéro d'urgence.",
    "it": "Chiamo subito un collega. In caso di pericolo chiami immediatamente il numero di emergenza.",
    "pt": "Vou chamar já um colega. Se alguém estiver em perigo, ligue de imediato para a emergência.",
    "nl": "Ik roep meteen een collega. Bel bij gevaar direct het alarmnummer.",
    "pl": "Natychmiast wzywam kolegę. W razie zagrożenia proszę od razu dzwonić na numer alarmowy.",
    "uk": "Негайно кличу колегу. Якщо є небезпека, одразу телефонуйте до служби порятунку.",
    "ru": "Сейчас же зову коллегу. Если есть опасность, сразу звоните в службу спасения.",
    "ja": "すぐに担当者を呼びます。危険がある場合は、ただちに緊急通報番号へお電話ください。",
    "zh": "我马上叫同事。如有危险，请立即拨打紧急电话。",
    "ar": "سأستدعي أحد الزملاء فورًا. إذا كان هناك خطر فاتصلوا برقم الطوارئ حالًا.",
}


def in_language(lines: dict[str, str], language: str) -> str:
    """The line in the guest's language, or in English."""
    return lines.get(language, lines["en"])


def intent_of(text: str) -> Intent | None:
    """Why a message goes to people at once, if it does."""
    folded = fold(text)
    return next((intent for intent, pattern in INTENTS.items() if pattern.search(folded)), None)


def courtesy_of(text: str) -> Courtesy | None:
    """What kind of small talk the whole message is; None where it says anything else."""
    words = re.findall(r"[^\W\d_]+(?:'[^\W\d_]+)?", fold(text))
    if not words:
        return Courtesy.THANKS if text.strip() and not re.search(r"\w|\[", text) else None
    known = frozenset.union(*SMALL_TALK.values()) | FILLERS
    if len(words) > 10 or not set(words) <= known or "?" in text:
        return None
    for courtesy, vocabulary in SMALL_TALK.items():
        if vocabulary & set(words) - FILLERS:
            return courtesy
    return None
