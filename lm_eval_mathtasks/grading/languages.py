"""Words of other languages that make another answer of the value beside them: bounds, denials, multiples, magnitudes.

Nouns of these languages are not known, so words are dropped unless they are one of these. The languages are those of
MGSM that we can read: Chinese, Japanese, German, Spanish, French, Russian.
"""

import re

# Numerals' suffixes: "18万" is 180,000.
CHARACTERS = {"万": 10**4, "萬": 10**4, "亿": 10**8, "億": 10**8}
# What joins a noun to what is said of it, "18 litros de agua", "18 Seiten pro Tag", and what says nothing of a value.
LINKS = {
    "de", "del", "al", "el", "la", "los", "las", "por", "cada", "le", "les", "par", "au", "aux", "du", "des", "dans",
    "en", "sur", "pro", "je", "von", "der", "dem", "den", "im", "zu", "в", "на", "за", "из", "у",
}  # fmt: skip
REMARKS = {
    "insgesamt", "übrig", "total", "tout", "chacun", "chacune", "restants", "restantes", "всего", "осталось",
}  # fmt: skip
# What makes the value behind it negative.
SIGNS = {"负", "負", "零下", "マイナス", "минус"}

_BEFORE = re.compile(
    r"(?:不(?:是|选|为|等于|可能|会|到|足|[超大小多少高低])|并非|没有|除了|至[少多]|最[多少]|超[过過]|[大小多少高低]于|接近"
    r"|将近|几乎|一半|少なくとも|多くとも|ほぼ|[负負]|零下|マイナス)[^\W\d_]{0,3}\s*\Z"
    r"|(?<!\w)(?:минус"
    r"|nicht|kein\w*|mindestens|höchstens|maximal|minimal|(?:mehr|weniger|größer|kleiner)(?: oder gleich)? als|fast"
    r"|beinahe|knapp|bis(?: zu)?|über|unter|vielfaches? von|hälfte von|das doppelte von|außer"
    r"|no(?: es| son)?|ni|nunca|(?:al|por lo) menos|como (?:máximo|mínimo|mucho)|(?:más|menos) (?:de|que)"
    r"|(?:mayor|menor|igual) (?:a|que)"
    r"|menos|casi|hasta|múltiplos? de|mitad de|(?:doble|triple) de|distinto (?:a|de)|excepto|salvo"
    r"|pas|jamais|(?:au|du) (?:moins|plus)|(?:plus|moins) (?:de|que)|(?:inférieur|supérieur)e?s? (?:ou égale? )?à|moins"
    r"|presque|jusqu'à|multiples? de|moitié de|(?:double|triple) de|sauf|différent de"
    r"|не|нет|ни|кроме|(?:не )?(?:более|менее|больше|меньше|выше|ниже)(?: чем)?|почти|до|свыше|кратно|половина(?: от)?"
    r")\s*\Z",
    re.IGNORECASE,
)
_BEHIND = re.compile(
    r"以[上下内內外]|不[到足是对對]|未満|倍数|倍數|分之|分の|より|ない|ません|\A\w?[多余餘半]|\A[百千](?![克米瓦卡帕焦升])"
    r"|(?<!\w)(?:"
    r"oder (?:mehr|weniger|höher|niedriger|größer|kleiner)|tausend|million(?:en)?|mio|milliarden?|mrd|dutzend"
    r"|einhalb|und ein(?:e|en)? halb\w*|mindestens|höchstens|zu (?:viel|wenig)\w*"
    r"|o (?:más|menos|mayor|menor)|mil|mill[oó]n(?:es)?|docenas?|y medi[oa]|como (?:máximo|mínimo)|(?:al|por lo) menos"
    r"|ou (?:plus|moins|davantage)|mille|millions?|milliards?|douzaines?|et demie?|au (?:plus|moins|maximum|minimum)"
    r"|или (?:больше|более|меньше|менее|выше|ниже)|тыс\w*|млн|миллион\w*|млрд|миллиард\w*|дюжин\w*|с половиной"
    r")(?!\w)",
    re.IGNORECASE,
)
# A sentence with one of these says that there is no answer, or gives none: in letters that words are not parted by ...
REFUSES_ANYWHERE = (
    r"(?=[^\0-\x7f])(?:(?:能否|是否)[^。\n]*(?:需要|讨论|討論|证明|證明|验证|不清楚|未知)"
    r"|无法|無法|不能(?:确定|計算|计算|求出)|(?:信息|條件|条件|数据|資訊)(?:不足|不够|不完整)|缺[少乏](?:信息|条件|数据)"
    r"|[没未](?:有)?(?:给出|提供)|でき(?:ない|ません)|求められ(?:ない|ません)|情報が(?:不足|足り|ない|ありません)|わかりません)"
)
# ... and at the beginning of a word
REFUSES = (
    r"(?:не имеет (?:\w+ )?решений|решений нет|hat keine (?:\w+ )?Lösung|n['’]a (?:pas de|aucune) solution"
    r"|no tiene soluci|no (?:bastan?|alcanzan?|permiten?|se puede|es posible|puedo|podemos"
    r"|(?:hay|tenemos) (?:\w+ )?(?:suficiente|bastante))"
    r"|imposible (?:de )?\w+r|faltan? (?:informaci|datos)|impossible d[e'’]|pas assez d"
    r"|(?:on ne|je ne|nous ne) (?:peut|peux|pouvons) pas|il manque (?:des |une )?(?:informations?|données?)"
    r"|nicht (?:lösbar|bestimmbar|berechenbar|beantwortbar|(?:zu )?(?:lösen|bestimmen|berechnen|beantworten)|möglich"
    r"|gen(?:ug|ügend) (?:Info|Angab))|bleibt (?:\w+ )?offen|unlösbar|unmöglich"
    r"|fehl(?:t|en) (?:eine? )?(?:Angabe|Information)"
    r"|невозможно|недостаточно (?:данных|информации)|нельзя (?:найти|определить|ответить)"
    r"|не хватает (?:данных|информации))"
)
# "n 不等于 6", "la respuesta no es 6": what is denied, and nothing else told
DENIES = re.compile(
    r"(?:不(?:是|等于|等於|可能是|会是|為|为)|并非|並非|(?<!\w)(?:no (?:es|son)(?: igual a)?|n['’]est pas(?: égale? à)?"
    r"|(?:ist|sind) nicht(?: gleich)?|не (?:равн\w+|является)))\s?[$(\\]{0,3}[-−]?\d"
    r"(?!.*(?:而是|所以|因此|であり|\b(?:sino|mais|sondern|donc|also|así que|por lo que|а|значит)\b))",
    re.IGNORECASE,
)
# What a clause of its own begins with behind the one that tells the result.
SUBORDINATE = (
    r"\s(?:después de|tras|porque|ya que|cuando|si|après|parce que|puisque|quand|lorsqu\w+|nachdem|wenn|weil|если"
    r"|после|потому что|так как|когда)\s"
    r"|,\s(?:car|denn|nämlich|und zwar|es decir|c['’]est-à-dire|à savoir|то есть|а именно)\s"
    r"|才[能可会會]|，?(?:因为|因為|如果)"
)


def changes_following(words: str) -> bool:
    """Do words that stand before a value make another answer of it?

    >>> changes_following("mindestens "), changes_following("不是"), changes_following("insgesamt ")
    (True, True, False)
    """
    return _BEFORE.search(words) is not None


def bound_before(text: str) -> int:
    """Return how many characters a text ends with that make another answer of the value behind it, 0 if none.

    >>> bound_before("il faut plus de "), bound_before("il faut ")
    (8, 0)
    """
    found = _BEFORE.search(text.rstrip("$ ") + " ")
    return len(text) - found.start() if found else 0


def changes_preceding(words: str) -> bool:
    """Do words that stand behind a value make another answer of it?

    >>> changes_preceding("个以上"), changes_preceding("o más"), changes_preceding("个苹果")
    (True, True, False)
    """
    return _BEHIND.search(words) is not None
