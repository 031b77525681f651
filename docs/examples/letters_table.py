"""The table of the study: each condition against the unsteered one, paired by message, with bootstrap intervals over messages.

python letters_table.py logs happy
"""

import sys

import numpy as np
from inspect_ai.log import list_eval_logs, read_eval_log


def outcomes(log, emotion):
    """Condition, and by message the share of answers with a word of gladness and the mean reading of the answers."""
    glad, read, about = {}, {}, None
    for sample in log.samples:
        about = sample.output.metadata["emotion_vectors"]
        glad.setdefault(sample.id, []).append(sample.scores["glad_word"].value)
        rows = [row for row in about["readings"] if row["role"] == "assistant" and row["emotion"] == emotion]
        read.setdefault(sample.id, []).extend(row["mean_centred"] for row in rows)
    messages = sorted(glad)
    shares = np.array([np.mean(glad[name]) for name in messages])
    return (
        (about["steer"][emotion], about["control"] or "vector"),
        shares,
        np.array([np.mean(read[name]) for name in messages]),
    )


def interval(differences, resamples=10_000):
    """Mean and 95 % percentile interval of paired differences, messages drawn with replacement."""
    drawn = np.random.default_rng(0).integers(0, len(differences), (resamples, len(differences)))
    low, high = np.percentile(differences[drawn].mean(axis=1), [2.5, 97.5])
    return f"{differences.mean():+.3f} ({low:+.3f} to {high:+.3f})"


def main(folder, emotion):
    """Print the table in Markdown."""
    found = [outcomes(read_eval_log(log), emotion) for log in list_eval_logs(folder)]
    [(_, plain, plain_read)] = [one for one in found if one[0][0] == 0]
    print("| strength | added | glad | glad, difference | reading | reading, difference |\n|---|---|---|---|---|---|")
    for (strength, added), shares, read in sorted(found, key=lambda one: (one[0][1] != "vector", one[0][0])):
        changes = [interval(shares - plain), interval(read - plain_read)] if strength else ["", ""]
        what = added if strength else "nothing"
        print(f"| {strength:g} | {what} | {shares.mean():.3f} | {changes[0]} | {read.mean():+.4f} | {changes[1]} |")
    controls = {strength: (shares, read) for (strength, added), shares, read in found if added != "vector"}
    for (strength, added), shares, read in sorted(found, key=lambda one: one[0][0]):
        if added == "vector" and strength in controls:
            changes = [interval(own - other) for own, other in zip((shares, read), controls[strength], strict=True)]
            print(f"| {strength:g} | vector less control | | {changes[0]} | | {changes[1]} |")


if __name__ == "__main__":
    main(*sys.argv[1:])
