"""What did the study report, and what is measured here? Every figure of it, and the same from the results in this copy."""

from core.study import findings

PART = "Digits"  # or another of findings.PARTS, or "all"

for finding in findings.findings(PART):
    print(f"{finding.figure}. The study: {finding.says} Here: {finding.here}")
