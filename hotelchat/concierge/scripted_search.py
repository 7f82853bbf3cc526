"""Finds the article, and in it the sentences, that answer a question: BM25 over what the prompt holds.

Only words count; nothing here knows any hotel. Guests' typing mistakes are forgiven by one letter.
"""

import html
import math
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

from hotelchat.concierge.language import STOP_WORDS, fold

TITLE_WEIGHT = 3  # a word of the title says what the article is about
FOREIGN_WEIGHT = 0.6  # an article in another language answers only where nothing nearer does
MISSPELT_WEIGHT = 0.75
UNHEARD = 0.8  # a word that no article has, against one that a single article has
K1, B = 1.2, 0.5  # BM25's usual saturation; lengths matter little among short articles

_ARTICLE = re.compile(r"<article\b([^>]*)>\n?(.*?)\n?</article>", re.DOTALL)
_ATTRIBUTE = re.compile(r'(\w+)="([^"]*)"')
_TOKEN = re.compile(r"[0-9]+(?:[.,:][0-9]+)*|[^\W\d_]+(?:-[^\W\d_]+)*|[^\W\d_]+")
_IDEOGRAPHS = re.compile(r"[\u3040-\u30ff\u3400-\u9fff]+")
_SENTENCE_END = re.compile(r"(?<=[.!?…])[\"”»)]?\s+(?=[^\W\d_a-z]|\d)|(?<=[。！？؟])\s*|\n+")

_ASIDE_PHRASES = re.compile(r"\bhow (late|early|long|far|soon)\b|\b(hasta|a) que hora\b")
_CLOCK = re.compile(r"\b(1?\d|2[0-4])(?:[:.]([0-5]\d))? ?(am|pm|a\.m\.|p\.m\.|uhr|h)(?!\w)")

_ENDINGS_BY_LANGUAGE = {
    "en": "ations ation ings ing ics ic edly ers er ied ies ed es ly s y e",
    "es": """aciones acion amientos amiento adores ador adoras adora ando iendo idas idos adas ados ada ado
        ida ido aban ar er ir os as es an en o a e s""",
    "de": "ungen ung ern en er es em e n s",
    "fr": "ations ation ements ement ees ee er es e s",
    "it": "azioni azione are ere ire i e a o",
    "pt": "acoes acao ar er ir os as es o a e s",
    "nl": "en s e",
    "pl": "ami ach ow y a e i o u",
    "uk": "ами ах ів и і а о у е я ю",
    "ru": "ами ах ов и ы а о у е я ю",
}
_ENDINGS = {language: fold(endings).split() for language, endings in _ENDINGS_BY_LANGUAGE.items()}
_ASIDE = frozenset(  # words of asking, not of what is asked about
    fold(
        """hotel there's where's what's possible know tell want wonder wondering question
        information info available kindly help give say think bring use take come go make find offer
        happen available exactly actually really still posible saber decir informacion pregunta
        disponible dar hacer tomar ofrecen informar decirme gustaria duda cost costs price prices much
        many often long open opens opening close closes closed hour hours time times start cuesta
        cuestan vale precio precios abre abren abierto abierta cierra cierran hora horas horario horarios
        empieza kostet kosten preis offnet geoffnet schliesst uhrzeit stunden coute prix ouvre ferme
        heure heures costa costano prezzo apre chiude orario custa preco abre fecha open prijs kost
        cena ile kosztuje коштує стоит traer llevar anything something nada turn far lejos option
        options opciones near nearby nearest cerca cercano cercana rent someone somebody allowed permitido
        today tonight tomorrow yesterday ayer manana gestern morgen hier demain ieri domani hoy esta
        noche heute aujourd'hui oggi hoje vandaag hello hi hola thanks thank gracias hallo danke good
        morning afternoon evening buenas buenos dias tardes guten tag bonjour bonsoir buongiorno buonasera bom
        boa dia ok okay alright vale daughter son mother father parents friend friends hija hijo madre
        padre padres amigos wife husband family people person guest guests familia mujer marido
        personas huesped huespedes"""
    ).split()
)


@dataclass(frozen=True)
class Article:
    """One block of the prompt; the language is an ISO 639-1 code, or empty where the prompt gives none."""

    title: str
    language: str
    body: str

    @cached_property
    def sentences(self) -> tuple[str, ...]:
        """The body cut where a sentence ends; times and decimals stay whole."""
        return tuple(part.strip() for part in _SENTENCE_END.split(self.body) if part and part.strip())


def articles_in(prompt: str) -> list[Article]:
    """The `<article title="…" language="…">` blocks of a system message, in their order."""
    found = []
    for attributes, body in _ARTICLE.findall(prompt):
        named = dict(_ATTRIBUTE.findall(attributes))
        title = html.unescape(named.get("title", "")).strip()
        found.append(Article(title, named.get("language", "")[:2].lower(), body.strip()))
    return found


def stem(word: str, language: str) -> str:
    """The word without its commonest endings: enough to meet its own plural and verb, no more."""
    for ending in _ENDINGS.get(language, ()):
        if word.endswith(ending) and len(word) - len(ending) >= 3:
            word = word.removesuffix(ending)
            break
    if language == "en" and len(word) > 3 and word[-1] == word[-2] and word[-1] not in "ls":
        return word[:-1]
    return word


def _on_the_clock(match: re.Match[str]) -> str:
    """ "2 pm" as "14:00", as articles write it."""
    hour = int(match[1]) + (12 if match[3][0] == "p" and int(match[1]) < 12 else 0)
    return f"{hour}:{match[2] or '00'}"


def words_of(text: str) -> list[str]:
    """Folded words; hyphenated ones without the hyphen and in parts; ideographs in pairs; times as 14:00."""
    words: list[str] = []
    plain = _CLOCK.sub(_on_the_clock, re.sub(r"'s\b", "", fold(text)))
    for token in _TOKEN.findall(plain):
        if _IDEOGRAPHS.search(token):
            for run in _IDEOGRAPHS.findall(token):
                words += [run[i : i + 2] for i in range(max(1, len(run) - 1))]
            words += re.findall(r"[a-z]{2,}", token)
        elif "-" in token:
            words += [token.replace("-", ""), *token.split("-")]
        else:
            words.append(token)
    return words


def content_words(text: str, language: str) -> list[str]:
    """The words that say what a text is about, in order, each once."""
    empty = STOP_WORDS.get(language, frozenset()) | _ASIDE
    asked = _ASIDE_PHRASES.sub(" ", fold(text))
    return [word for word in dict.fromkeys(words_of(asked)) if word not in empty and len(word) > 1]


def one_letter_apart(left: str, right: str) -> bool:
    """Whether one letter was dropped, added, changed, or two neighbours swapped."""
    if abs(len(left) - len(right)) > 1 or left[0] != right[0]:
        return False
    start = next((i for i, (a, b) in enumerate(zip(left, right, strict=False)) if a != b), min(len(left), len(right)))
    rest_left, rest_right = left[start:], right[start:]
    return (
        rest_left[1:] == rest_right[1:]
        or rest_left[1:] == rest_right
        or rest_left == rest_right[1:]
        or (rest_left[:2] == rest_right[1::-1] and rest_left[2:] == rest_right[2:])
    )


@dataclass(frozen=True)
class Match:
    """How well an article fits: BM25's score, and the share (0 to 1) of the question it speaks of."""

    article: Article
    score: float
    coverage: float
    terms: frozenset[str]
    in_title: frozenset[str]


class Index:
    """The articles of one prompt, ready for questions in one language."""

    def __init__(self, articles: Sequence[Article], language: str) -> None:
        self.language = language
        self._documents = [(article, self._terms(article)) for article in articles]
        self._frequency = Counter(term for _, terms in self._documents for term in terms)
        self._mean_length = sum(sum(t.values()) for _, t in self._documents) / max(1, len(articles))

    def near(self, article: Article) -> bool:
        """Whether the article is in the guest's language, so that stems may meet."""
        return article.language in (self.language, "")

    def _key(self, word: str, article: Article) -> str:
        return "=" + stem(word, self.language) if self.near(article) else word

    def _terms(self, article: Article) -> Counter[str]:
        """Counts of terms: stems (marked "=") where the guest's language is spoken, else the bare words."""
        counts: Counter[str] = Counter()
        for text, weight in ((article.title, TITLE_WEIGHT), (article.body, 1)):
            for word in words_of(text):
                if word not in STOP_WORDS.get(article.language, ()):
                    counts[self._key(word, article)] += weight
        return counts

    def _weight(self, term: str) -> float:
        """Inverse document frequency; an unknown word weighs as much as one in a single article."""
        count = len(self._documents)
        seen = self._frequency.get(term, 1)
        return math.log(1 + (count - seen + 0.5) / (seen + 0.5))

    def _spellings(self, question: str) -> dict[str, dict[str, float]]:
        """Each content word of the question with the index terms it may mean and how sure that is."""
        words = words_of(question)
        joined = {a + b: (a, b) for a, b in pairwise(words) if len(a) > 1 < len(b)}
        meant: dict[str, dict[str, float]] = {}
        for word in content_words(question, self.language):
            meant[word] = self._known(word) or self._misspelt(word)
        for compound, parts in joined.items():
            if known := self._known(compound):
                for part in parts:
                    meant.pop(part, None)
                meant[compound] = known
        return meant

    def _known(self, word: str) -> dict[str, float]:
        return {term: 1.0 for term in ("=" + stem(word, self.language), word) if term in self._frequency}

    def _misspelt(self, word: str) -> dict[str, float]:
        root = "=" + stem(word, self.language)
        if len(word) < 5 or len(root) < 5:
            return {}
        return {
            term: MISSPELT_WEIGHT
            for term in self._frequency
            if term[0] == "=" and len(term) > 4 and term[1] == root[1] and one_letter_apart(term[1:], root[1:])
        }

    def search(self, question: str) -> list[Match]:
        """Articles that share a word with the question, best first."""
        meant = self._spellings(question)
        matches = [m for document in self._documents if (m := self._match(*document, meant))]
        return sorted(matches, key=lambda m: (m.score, m.article.language == "en"), reverse=True)

    def _match(self, article: Article, counts: Counter[str], meant: dict[str, dict[str, float]]) -> Match | None:
        hits = {
            term: sure
            for terms in meant.values()
            for term, sure in terms.items()
            if term in counts and term.startswith("=") == self.near(article)
        }
        if not hits:
            return None
        length = 1 - B + B * sum(counts.values()) / self._mean_length
        score = sum(
            self._weight(t) * sure * counts[t] * (K1 + 1) / (counts[t] + K1 * length) for t, sure in hits.items()
        )
        nearness = 1.0 if self.near(article) else FOREIGN_WEIGHT
        covered = self._covered(article, hits, meant)
        in_title = hits.keys() & self._title(article)
        return Match(article, score * nearness * (0.5 + covered), covered, frozenset(hits), frozenset(in_title))

    def _title(self, article: Article) -> frozenset[str]:
        return frozenset(self._key(word, article) for word in words_of(article.title))

    def _covered(self, article: Article, hits: dict[str, float], meant: dict[str, dict[str, float]]) -> float:
        """The share of the question the article speaks of."""
        told = missed = 0.0
        for word, terms in meant.items():
            if not self.near(article) and not word.isascii():
                continue  # another script: it could not have met
            weight = self._weight(next(iter(terms))) if terms else UNHEARD * self._weight(word)
            if common := terms.keys() & hits.keys():
                told += weight * max(hits[term] for term in common)
            else:
                missed += weight
        return told / (told + missed) if told else 0.0

    def best_sentences(
        self, match: Match, question: str, wanted: Sequence[re.Pattern[str]], most: int = 3
    ) -> list[str]:
        """The one to three sentences of the article that answer, in the article's order. Args:
        wanted: what an answer should hold, such as a time or a price."""
        asides = {self._key(word, match.article) for word in words_of(question) if word in _ASIDE}
        scores = []
        for place, sentence in enumerate(match.article.sentences):
            said = {self._key(word, match.article) for word in words_of(sentence)}
            told = sum(self._weight(t) * (0.5 if t in match.in_title else 1.0) for t in said & match.terms)
            fits = 1.5 * sum(bool(pattern.search(sentence)) for pattern in wanted)
            scores.append((told + fits + 1.2 * len(said & asides) + 0.8 / (1 + place), -place))
        enough = 0.6 * max(scores)[0]
        ranked = sorted(scores, reverse=True)
        best = [score for score in ranked if score[0] >= enough][:most]
        for pattern in wanted:
            holding = [score for score in ranked if pattern.search(match.article.sentences[-score[1]])]
            if holding and not set(holding) & set(best):
                best = [*best[: most - 1], holding[0]]
        return [match.article.sentences[-place] for _, place in sorted(best, key=lambda score: -score[1])]
