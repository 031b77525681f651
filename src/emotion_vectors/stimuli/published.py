"""Facts about the published stimuli: the SHA-256 of the canonical form of each list, and no text of them.

Source: appendix tables and figures of arXiv 2604.07729 (2 April 2026), prompts as in its LaTeX source, Figure 3 for the
numeric templates with the signs that its text names. `parsing.canonical_hash` defines the canonical form.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from emotion_vectors.stimuli.parsing import plain_text

PUBLISHED_SHA256 = {
    "emotions": "889cb87049612da3d104a115cb0d82657877bdba3e717e27905363bf96093efe",
    "topics": "9fa9851cf8da9bb8353e7698b9630573da9546ad746e59a5e08642ab02d4ed27",
    "activities": "7d7b4f4125c0bd52b0fa7b4500666354bb6c6bd8a0756c7078392de2685a7ce4",
    "scenarios": "92c584375e379dd0a607003781a5d4a01fa741f36e8e8852b30c3f61cb4a491b",
    "numeric_templates": "c767419848cc7fe066421ac1b52295a81bab892b8c4597766bffdfc0ec7efadb",
    "prompts.story": "4e4aef18a2d036bd52acc604eb4b571386afbf7db0cec6b0ecb668a2cc955227",
    "prompts.neutral": "57661f5cea398daeaf02a1963badcc734d6307b5e43690b41b56eb7d6dba8e46",
    "prompts.preference": "56148c4ea89671d10714fed2a84f8af82612e61d57038ba84d66fee17b1de6b4",
    "prompts.preference_prefill": "2c8b6d4a8b88a4444dd3bdd5c32520a3bd5fbd4a3033d97c50f5a3eb1651e0e4",
    "prompts.feeling": "28d561549ac174ac52cf85fc2b5be313741f0deea55b541cbd7b9abda654775a",
}

# The first 12 hex digits of the SHA-256 of each item's text (lower case, single spaces): how much do two lists share?
_MARKS = {
    "emotions": """
        180366dd3b2c f0809efbcc99 df905058dd67 b3f3d949ee90 8648a03e6034 0a96f1960786 72e850d11043 faef616df2ec
        c927109d05e5 b6d9e56c88ad ec482f96672a 2f1b018d6e64 bbad895ff04a 98f00c1969b8 bbe8e9531e01 66fe59155a53
        60e6aa4ad2d3 7d0dce1df300 2b4b2eadf7b2 a9e20626ae2a 22ed0a6501b8 66c6bf81ca39 ed7002b439e9 1cc9ffadf620
        0e3c2fa7db90 75846e529667 22c90970f55e 5d3082f6a1fd ae1594d3557e 1291efd4e284 af26bce26ea7 2ba36ab26dc0
        d2621e35f42e 8ceb7bee1a1d 839ec760fcdf aa4143c7e1d5 8b2a4129e51f 0ca0c5ea4a24 cd0148fcc5fa 1f08d7fab019
        f12e1aedc45d 8303367283d7 ec18541be33b 4e191187cfd4 6d847aaec192 74c4a5de72fc 70fc717e3a8d 309f492e0b2c
        8d1c8a7a12c3 7a872150e363 1d0dbd158cf2 6afb642998f6 6030ced8c6f5 ab8e1efe40af f695f6db85ce 8652b6b8e1b1
        370aed697dc5 10cee70aa68a 7c0cb64eab5e 51997f8a8db2 489f719cadf9 b8730915c627 9b5a90271049 c29277f55fb3
        0ad2e0351be5 fc948d9b5f1d 8f383ccddc6f 401dfa5fcc6d 49002d515d16 210f5343a055 f137861447fb 37825ceb9b7e
        4e6cdeb0a858 1559b3d6f67e 5f067754ad0a 93b40167d560 35588de0b991 6fce3d32537b 085673f33aed b2f5e2e21758
        1483e88be8eb 17c2e7f8e741 0b27c158feb3 81fd67d02f67 b593202da73d 1cb0f5a9e3a8 6cc29d46cdc8 079cdc52e644
        e14c0387e5c6 d1710ebb1f2f c5f57cd21bef eb9b6c9a0750 fb3a7850111f 23f10338f151 977b51546403 5021d3393afb
        45c1bb8a95ea 65ee89092efb b51a2108888d 8a175349bfed 088f5d2db7b1 7bc0ee8330e4 2295ff7a8bd8 2a4baa647f52
        09b3f884cb1e e600bda8b7b8 74e0a141ec41 d069c85283b9 9aec6522d176 a818cbccc730 9a0d9562322f 58cec2c9e31b
        623d466329bb 41ce18e3f5e1 acd85c97bf4d 4469b61507b9 e40bed8b5d89 6f978eea4ed0 13b7269ba723 ba94d567a4af
        45c9a6614fcc 8b3369944dd2 fde281f3efb8 67f711e80079 adb7296ce87a 88042df93f01 9510c2055d6d dd59a15f8966
        2d5e8600a4fb 69f32b0797dd 77bd5dd94c37 cec3c2ebfded e3ced7f422ff 5cb6c6455ab7 e74ca13b4c0a 816f3e4b5ef8
        9edb2b909eda 484aab2f2cd0 7f33d23d0812 a2f646e36584 e02b8a8f0098 34f9a187aeae 9c05ce79d0bf e076951243de
        0f471c347284 80d8b1e97421 f53624233490 deb8cc25f014 1f7ceb30eafd 74a1e0449315 584e2d9ef6ae c405760daf9b
        cd8d70c7d482 aed3d0cbc9a9 460254283ab0 8e260bd85456 1f22b5bc251d 2e95d0e38d8d 9369d0e8df67 80e24a3fb227
        8b2f40633932 80910374ca91 1e9a2c800ba1 e7be2c21ba8e 82cacc9daacf 493b839b03cd f2b826b18b9d 1702a4bae332
        ff43bbb38a78 13d9ead0ef6e ddda5e25a150
    """,
    "topics": """
        c7f5db0fa298 25e9e040c102 8aa416c42697 fcbd8c6c612e ae43e7bec551 a74020b6007b 983170e59430 a3f409958148
        697f25893044 046cbbb929e0 041e1bc05c3c dd2b74353b27 d1b536184877 8ce9a165cdfb 556626f05395 ca344071750d
        3b25575c3d5f 63ee28c0bd64 1b79dcb4efd1 21ea5517460e 6e1211be8f38 3352a7ee1235 2439612917cc f7620a81a6fe
        97122527b200 c032d63bfc8b 386fd718f3d6 6963a055d5d4 4e2eecda7e6f bdd162508b5f d0bc8c33baf1 98bff6d42d39
        28058cb0aee2 8108aeeffb51 bf802d310a79 abb40a706d98 9a360b217be7 924fd5057fc6 9b6d713026d4 4b2a8d84095d
        2150d84c336a a16cfabdc58c 499b10749aca 346dff762e7c 6808466be2eb e3a02c4c8f2d 7bcfc2d3a7e7 ce4b46751774
        65a285b38821 a4d205cbaaee fa8afbcdce5e 47f9e2f3db3a 6f1f7ba22b3b 5265adf5577d 971ce2d347a3 8d7ed236faba
        4185f10320f7 25337a1cff3a 93fa2387be09 a546c3831e10 6a36b56d6f02 697f705ba0ff 63b5c88ed1b8 90f75ce0c724
        a7e8e3f3d356 c244582f74a7 782ddd345010 751c6327c8b4 aa6718c29c2a a548bb3ecae4 9e800b6189f5 5908b979ea98
        ad0a9cbfb7ab 756fa7d8343f 58ed4a6890c9 8d98ca98710c 6ed5e01dc87c 5cf23f8a48e0 862280730606 5233b8e61c38
        c328c6b129ae e3383eecf285 cf6d06b82be0 65386985531e 0ce5aaf89ee8 38e53f4dd1a1 950d339eee6c 39979bb1c967
        8bf7baeef738 bd1bfddd0652 bb29ad215d9f 8c2d44114577 145f3c6e49f1 6968a2a93e1f dedfe7285c9a a866459bcd5d
        56ff99a7168e 44b9db55de0c 405071d0af77 14a7927093f3
    """,
    "activities": """
        f9bc878cce50 92554fc6c75c f19a334795cf 2108b4c2abec 43ad25892c30 135e53e0f749 0dcd675a90e3 873e48e52e64
        5becf9164190 f4d2a9b315b2 afdc265322e1 bf5c4350f3e2 ca388d735e03 e63d66b6a540 b891b6c379f0 12dd7ee2fa96
        e55e385b5b02 f6f01498d1ce 3619727f3090 13dcff7a76e5 2243d08a723b 9a4e8d0e9d06 d3db0f119671 f3b72a1eb712
        d55fd8f73681 9a0d69bac795 952cb5b60d5a 139789fed302 3fd212454864 073e7b5c93bc 219b13ff04df 818fe43f769d
        a267152a70ed b1c852b84ed0 ef6cafff6895 6a3827387ada 6e2c625cbdbe 48f2743273cf c121d9f13709 0621d6ba62ff
        3e04f5dce386 8d7b465936b2 b19434b2f9b5 f5ed66d64bad 2eec4620470f 6263bd662066 c79c7e8ec69f 355a20c63213
        ff1975ae860e 2e888a0bc89a 901985eaf349 aa3f760f8f8f cebc8c0d348e b42014cbd59a 28abe3d4cc39 edcdd209753c
        ac313d6e1d4b 369250d56dc3 7a67d8ab567e f2300ac47307 ae6b6d6fae5a 37c96f0dea74 2e3bc7ad8222 ea8730f5779d
    """,
    "scenarios": """
        7a29307d5979 9e6c4e68674e 386cdaa3e96b 66f866c56f96 ff4704e6b9cd b07ff4af5cff 9d7bc0cf592d ffc5d0f36fd5
        31f3710bd85d 77de51abff6e 9da2d31ac9a1 91ad52aa6963
    """,
    "numeric_templates": """
        0e64fa709914 7b1fb9f972a4 ff6238328ec3 895917b52f28 d181ce268e90 f4fa134d6622
    """,
}

PUBLISHED_ITEMS = {name: frozenset(marks.split()) for name, marks in _MARKS.items()}
"""For each published list the marks of its items."""


def mark(text: str) -> str:
    """The first 12 hex digits of the SHA-256 of a text in lower case with single spaces."""
    return hashlib.sha256(plain_text(text).encode("utf-8")).hexdigest()[:12]


def published_items_among(name: str, texts: Iterable[str]) -> int:
    """How many of `texts` are items of the published list `name`, whatever their order, case and spaces."""
    return sum(mark(text) in PUBLISHED_ITEMS[name] for text in texts)
