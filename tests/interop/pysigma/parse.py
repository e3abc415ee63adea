"""Parses every Sigma rule of a folder with pySigma: none may have an error."""
import glob
import sys

from sigma.collection import SigmaCollection

paths = sorted(glob.glob(sys.argv[1] + "/**/*.yml", recursive=True))
# Together: correlations name rules of other files.
text = "\n---\n".join(open(path, encoding="utf-8").read() for path in paths)
rules = SigmaCollection.from_yaml(text, collect_errors=True).rules
errors = [f"{rule.title}: {error}" for rule in rules for error in rule.errors]
print(f"parsed: {len(paths)}\nrules: {len(rules)}\nerrors: {len(errors)}")
print("".join(error + "\n" for error in errors), end="")
sys.exit(1 if errors or not rules else 0)
