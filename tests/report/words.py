"""Names for the synthetic record: the 171 emotion words (published fact), split by a rough valence of our own."""

from __future__ import annotations


def _words(text: str) -> tuple[str, ...]:
    return tuple(" ".join(word.split()) for word in text.split(","))


POSITIVE = _words("""
amazed, amused, astonished, at ease, awestruck, blissful, calm, cheerful, compassionate, content, delighted,
eager, ecstatic, elated, empathetic, energized, enthusiastic, euphoric, excited, exuberant, fulfilled, grateful,
happy, hope, hopeful, inspired, invigorated, joyful, jubilant, kind, loving, optimistic, patient, peaceful,
playful, pleased, proud, reflective, refreshed, rejuvenated, relaxed, relieved, safe, satisfied, self-confident,
sensitive, sentimental, serene, stimulated, surprised, sympathetic, thankful, thrilled, triumphant, valiant,
vibrant
""")
NEGATIVE = _words("""
afraid, alarmed, alert, angry, annoyed, anxious, aroused, ashamed, bewildered, bitter, bored, brooding,
contemptuous, defiant, dependent, depressed, desperate, disdainful, disgusted, disoriented, dispirited,
distressed, disturbed, docile, droopy, dumbstruck, embarrassed, enraged, envious, exasperated, frightened,
frustrated, furious, gloomy, greedy, grief-stricken, grumpy, guilty, hateful, heartbroken, horrified, hostile,
humiliated, hurt, hysterical, impatient, indifferent, indignant, infatuated, insulted, irate, irritated,
jealous, lazy, listless, lonely, mad, melancholy, miserable, mortified, mystified, nervous, nostalgic,
obstinate, offended, on edge, outraged, overwhelmed, panicked, paranoid, perplexed, puzzled, rattled, regretful,
remorseful, resentful, resigned, restless, sad, scared, scornful, self-conscious, self-critical, shaken,
shocked, skeptical, sleepy, sluggish, smug, sorry, spiteful, stressed, stubborn, stuck, sullen, suspicious,
tense, terrified, tired, tormented, trapped, troubled, uneasy, unhappy, unnerved, unsettled, upset, vengeful,
vigilant, vindictive, vulnerable, weary, worn out, worried, worthless
""")
SCENARIO_EMOTIONS = _words(
    "happy, inspired, loving, proud, calm, desperate, angry, guilty, sad, afraid, nervous, surprised"
)
CATEGORIES = _words("Helpful, Engaging, Social, Self-curiosity, Neutral, Aversive, Misaligned, Unsafe")
TOKENS = tuple(
    f" {word}"
    for word in _words(
        "joy, sunlight, smile, grin, tears, alone, dark, fear, run, scream, warm, home, love, thanks, bright, "
        "cold, empty, grave, hope, win, fail, anger, storm, quiet, peace, slow, rest, breath, sorry, blame"
    )
)
