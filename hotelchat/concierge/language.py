"""Which language a guest writes in, from the script and the small words of a message.

Hotel messages are short ("Desayuno?", "ok, danke"), so this counts the words that tell languages apart
instead of letter statistics, and keeps to the language known so far where a message says nothing.
"""

import re
import unicodedata
from collections.abc import Mapping
from types import MappingProxyType

_FUNCTION_WORDS = {
    "en": """a about after all also am an and any are as at back be because been before being but by can could
        did do does for from get going had has have he her here him his how i if i'd i'll i'm i've in
        into is it it's its just let like me more much my need no not now of off on or our out over
        please she should so some than that the their them then there these they this to too until up
        us want was we we're were what when where which while who why will with would yes you your
        yours""",
    "es": """a al algo alguna alguno antes aqui asi aun con como cual cuando cuanta cuantas cuanto cuantos de
        del desde donde durante el ella ellos en entre era es esa ese eso esta estaba estan estamos
        estar este esto estoy fue ha hace han hasta hay he la las le les lo los mas me mi mis muy ni
        no nos nosotros nuestra nuestro o os para pero podemos podria puede pueden puedo por porque
        pueda que quien quiero queremos quisiera sabe se ser si sin sobre solo son soy su sus tambien
        te tengo tenemos tiene tienen tras tu tus un una unas uno unos usted ustedes y ya yo""",
    "de": """ab aber alle als also am an auch auf aus bei bin bis bitte da damit dann das dass dem den der des
        die dies diese dieser doch du durch ein eine einem einen einer eines er es etwas euch euer fur
        gegen gibt habe haben hat hatte hatten hier ich ihm ihnen ihr ihre im in ins ist ja kann kein
        keine konnen konnte konnten man mehr mein meine mich mir mit mochte mochten muss nach nicht
        noch nur ob oder ohne schon sehr sein sich sie sind so uber um und uns unser unsere unter vom
        von vor wann warum was wo wenn wer werden wie wieder wird wir wurde wurden zu zum zur
        viel""",
    "fr": """a ai alors apres au aussi aux avec avez avant avoir avons bien c'est ce ces cet cette chez
        combien comme comment d'un d'une dans de des du elle elles en encore entre est et etes etre eu
        il ils j'ai je jusqu'a l'on la le les leur leurs lui ma mais me mes moi mon ne ni non nos
        notre nous on ont ou par pas peu peut peux plus pour pourrait pourriez pouvez pouvons puis
        qu'est quand que quel quelle quelles quels qui quoi sa sans se ses si son sont suis sur ta te
        tes toi ton tous tout tres tu un une vers voici vos votre voudrais voudrions vous y""",
    "it": """a abbiamo ad ai al alla alle allo anche ancora avere avete c'e che chi ci cio come con cosa cui
        da dal dalla dei del della delle dello di dopo dove e ed era essere fino fra gia gli ha hai
        hanno ho i il in io l'ho la le lei lo loro lui ma me mi mia mio mie miei ne nei nel nella
        nelle no noi non nostra nostro o per perche piu poi posso possiamo potete potrei prima puo
        qual quale quali quando quanta quanto quanti quella quello questa questo qui sara se sei senza
        si siamo sia sono sopra sua sul sulla suo ti tra tu tutti tutto un una uno vi voi vorrei
        vorremmo vostra vostro""",
    "pt": """a agora ainda alguem antes ao aos aqui as ate com como da das de dela dele depois do dos e ela
        ele eles em entre era essa esse esta estao estamos estar este estou eu foi ha isso isto ja la
        lhe mais mas me mesmo meu minha muito na nao nas nem no nos nossa nosso num numa o onde os ou
        para pela pelo podem pode poderia podemos por porque posso qual quais quando quanta quanto
        quantos que quem quero queremos gostaria se sem sera seu sua sao so sobre somos sou tambem tem
        temos tenho teu tudo tua um uma umas uns voce voces""",
    "nl": """aan al alle als altijd ben bij bent daar dan dat de deze die dit doen door dus een en er geen
        graag haar had hallo hebben hebt heb heeft het hier hij hoe hoeveel hun ik in is ja je jij
        jullie kan kunnen kunt maar mag me meer met mij mijn moet moeten naar niet nog nu of om onder
        ons onze ook op over te tot tussen uit uw van veel voor waar waarom wanneer was wat we weer
        welke werd wie wij wil willen wilt worden wordt zal zich zij zijn zo zonder zou zouden""",
    "pl": """a ale bardzo bez bo byc byl byla bym chce chcemy chcialbym chcialabym chcielibysmy ci co czy dla
        do dzis gdzie go i ich ile ja jak jaka jakie jaki jako jej jest jestem jestesmy juz kiedy kto
        ktora ktory ma mam mamy mi mnie moj moja moje moze mozemy mozna moge my na nam nas nasz nasza
        nie o od oraz po pod prosze przed przez przy sa sie skad są tak tam te tego ten to tu tutaj
        tylko ty u w wam we więc wszystko z za ze zeby""",
    "uk": """а або але б без би був була були в вам вас ви від він вона вони всі где де для до є за з зі і із
        її їх й коли котра мене мені ми мій моя можемо можна можу на нам нас наш наша не немає ні о об
        од по при про прошу скільки та так там те ти то треба тут у хочу хотів хотіла це цей ця чи
        чому що щоб як яка який які якщо я""",
    "ru": """а без бы был была были в вам вас весь во вот все вы где да для до его ее если есть ещё еще же за
        и из или им их к как какая какие какой когда кто ли мне меня мы мой моя можем можно могу на
        нам нас наш наша не нет ни но о об он она они от по под при про с сколько со так там то тоже
        только ты у уже хочу хотел хотела что чтобы эта это этот я""",
}

_TELLING_WORDS = {
    "en": """hello hi hey morning evening thanks thank bye breakfast room pool towel towels check-out checkout
        parking late early price cost open close closes opens beach dinner lunch tonight tomorrow
        speak talk someone person cot dog dogs airport transfer broken working help doctor where's
        what's""",
    "es": """hola gracias adios buenos buenas dias tardes noches favor desayuno habitacion piscina toalla
        toallas playa precio cuesta cuestan abre cierra cena comida comer cenar manana salida llegada
        perro perros aeropuerto traslado hablar persona alguien ayuda medico hora vale genial perfecto
        nino ninos cuna aparcamiento""",
    "de": """hallo guten morgen tag abend danke vielen dank tschuss fruhstuck zimmer handtuch handtucher
        strand preis kostet kosten geoffnet abendessen heute spater sprechen jemandem jemand mensch
        hund hunde flughafen kinderbett kaputt hilfe arzt uhr parkplatz schwimmbad wlan gerne
        sauna?""",
    "fr": """bonjour bonsoir merci salut revoir petit-dejeuner dejeuner chambre piscine serviette serviettes
        plage prix coute ouvre ferme diner demain soir matin parler quelqu'un personne chien chiens
        aeroport aide medecin heure s'il plait navette lit bebe""",
    "it": """ciao buongiorno buonasera grazie arrivederci colazione camera piscina asciugamani asciugamano
        spiaggia prezzo costa costano apre chiude cena pranzo domani stasera parlare qualcuno cane
        cani aeroporto aiuto medico ore parcheggio culla prego perfetto""",
    "pt": """ola obrigado obrigada bom boa dia tarde noite tchau cafe manha quarto piscina toalha toalhas
        praia preco custa abre fecha jantar almoco amanha falar pessoa alguem cachorro cao aeroporto
        ajuda medico horas berco estacionamento""",
    "nl": """goedemorgen goedemiddag goedenavond goedendag bedankt dank dankjewel doei ontbijt kamer zwembad
        handdoek handdoeken strand prijs kost open dicht avondeten diner morgen vanavond spreken
        iemand hond honden luchthaven vliegveld hulp dokter laat parkeren kinderbedje""",
    "pl": """dzien dobry wieczor czesc dziekuje dzieki widzenia sniadanie pokoj pokoju basen basenu recznik
        reczniki plaza cena kosztuje otwarty otwarte kolacja obiad jutro dzisiaj porozmawiac kims
        czlowiekiem pies lotnisko pomoc lekarz godzinie godziny lozeczko parking?""",
    "uk": """привіт добрий день ранок вечір дякую дуже побачення сніданок номер басейн рушник рушники пляж
        ціна коштує відкрито вечеря завтра сьогодні поговорити людиною кимось собака аеропорт допомога
        лікар година годині трансфер? замовити доброго дня""",
    "ru": """привет здравствуйте добрый день утро вечер спасибо свидания завтрак номер бассейн полотенце
        полотенца пляж цена стоит открыт ужин завтра сегодня поговорить человеком кем-то собака
        аэропорт помощь врач часов заказать пожалуйста""",
}

_TELLING_LETTERS = (
    ("es", re.compile("[ñ¿¡]"), 2.0),
    ("de", re.compile("ß"), 2.0),
    ("de", re.compile("[äöü]"), 0.8),
    ("pt", re.compile("[ãõ]"), 2.0),
    ("fr", re.compile("[œèêëîïûù]"), 0.6),
    ("it", re.compile("[ìò]|[àèù](?=\\s|$|[?!.,])"), 0.5),
    ("pt", re.compile("[ç]"), 0.4),
    ("fr", re.compile("[ç]"), 0.4),
    ("fr", re.compile(r"(?<!\w)(?:[ldjnscmt]|qu)'\w"), 0.6),
    ("it", re.compile(r"(?<!\w)(?:l|un|dell|all|nell|c)'\w"), 0.5),
    ("nl", re.compile("ij"), 0.3),
    ("pl", re.compile("[ąćęłńśźż]"), 2.0),
    ("uk", re.compile("[іїєґ]"), 2.0),
    ("ru", re.compile("[ыэъё]"), 2.0),
)

_SCRIPTS = (  # a name of Unicode's, the language it means; Latin and Cyrillic need the words
    ("HIRAGANA", "ja"),
    ("KATAKANA", "ja"),
    ("HANGUL", "ko"),
    ("CJK", "zh"),
    ("ARABIC", "ar"),
    ("HEBREW", "he"),
    ("GREEK", "el"),
    ("THAI", "th"),
    ("DEVANAGARI", "hi"),
    ("CYRILLIC", "cyrillic"),
    ("LATIN", "latin"),
)

_WORD = re.compile(r"[^\W\d_]+(?:['-][^\W\d_]+)*")
_ADDRESSES = re.compile(r"https?://\S+|\S+@\S+")
_KEEP_MARKS = {"\u3099", "\u309a"}  # the voicing marks of Japanese change the sound, not the spelling


def fold(text: str) -> str:
    """Lower case without accents: what two spellings of one word have in common. Japanese voicing marks
    stay; Arabic alef and teh marbuta variants become one letter."""
    decomposed = unicodedata.normalize("NFKD", text.lower().replace("’", "'").replace("ı", "i"))
    kept = "".join(c for c in decomposed if c in _KEEP_MARKS or unicodedata.category(c) != "Mn")
    kept = kept.replace("ß", "ss").replace("ł", "l").replace("ø", "o")
    return unicodedata.normalize("NFC", kept.replace("ة", "ه").replace("ى", "ي"))


def _word_sets(lists: Mapping[str, str]) -> dict[str, frozenset[str]]:
    return {language: frozenset(fold(words.replace("?", "")).split()) for language, words in lists.items()}


STOP_WORDS: Mapping[str, frozenset[str]] = MappingProxyType(_word_sets(_FUNCTION_WORDS))
"""Words that carry no subject, by language, folded."""

_EVIDENCE = {language: STOP_WORDS[language] | telling for language, telling in _word_sets(_TELLING_WORDS).items()}
_FAMILIES = {"latin": ("en", "es", "de", "fr", "it", "pt", "nl", "pl"), "cyrillic": ("uk", "ru")}


def detect_language(text: str, *, default: str = "en") -> str:
    """The language of a guest's message as an ISO 639-1 code.

    Args:
        text: what the guest wrote; any length, links and addresses are ignored.
        default: the answer where the text tells nothing ("ok", a number, an emoji) or two languages tie.
    """
    cleaned = _ADDRESSES.sub(" ", text)
    script = _main_script(cleaned)
    if script is None:
        return default
    if script not in _FAMILIES:
        return script
    scores = _word_scores(cleaned, _FAMILIES[script])
    best = max(scores.values())
    if best <= 0:
        return _without_evidence(script, default)
    leaders = [language for language, score in scores.items() if score > best - 0.05]
    return default if default in leaders or (len(leaders) > 1 and script == "latin") else leaders[0]


def _without_evidence(script: str, default: str) -> str:
    return default if script == "latin" or default in _FAMILIES[script] else "ru"


def _main_script(text: str) -> str | None:
    """The language of a script that only one language uses, or "latin" or "cyrillic"; None: no letters."""
    counts: dict[str, float] = {}
    for character in text:
        if not character.isalpha():
            continue
        name = unicodedata.name(character, "")
        for script, language in _SCRIPTS:
            if name.startswith(script) or (script == "KATAKANA" and name.startswith("HALFWIDTH KATAKANA")):
                counts[language] = counts.get(language, 0.0) + (0.4 if language == "latin" else 1.0)
                break
    if not counts:
        return None
    if counts.get("ja") and counts["ja"] + counts.get("zh", 0) >= counts.get("latin", 0):
        return "ja"
    return max(counts, key=lambda language: counts[language])


def _word_scores(text: str, languages: tuple[str, ...]) -> dict[str, float]:
    """Evidence for each language: a word counts for less the more of them share it."""
    scores = dict.fromkeys(languages, 0.0)
    lowered = text.lower().replace("’", "'")
    for word in _WORD.findall(fold(text)):
        sharing = [language for language in languages if word in _EVIDENCE[language]]
        if not sharing and "-" in word:
            continue
        for language in sharing:
            scores[language] += 1 / len(sharing) ** 1.5
    for language, letters, weight in _TELLING_LETTERS:
        if language in scores:
            scores[language] += weight * min(3, len(letters.findall(lowered)))
    return scores
