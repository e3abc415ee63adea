"""Parses every Sigma rule of the folders that are named with pySigma: none may have an error."""
import glob
import sys

from sigma.collection import SigmaCollection

for folder in sys.argv[1:]:
    paths = sorted(glob.glob(folder + "/**/*.yml", recursive=True))
    # Together: correlations name rules of other files.
    text = "\n---\n".join(open(path, encoding="utf-8").read() for path in paths)
    rules = SigmaCollection.from_yaml(text, collect_errors=True).rules
    errors = [f"{rule.title}: {error}" for rule in rules for error in rule.errors]
    print(f"{folder}: {len(paths)} files, {len(rules)} rules, {len(errors)} errors")
    print("\n".join(errors), end="")
    if errors or not rules:
        sys.exit(1)
