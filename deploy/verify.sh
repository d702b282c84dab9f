#!/usr/bin/env bash
# Quantize, verify, report: what the GitHub action and the GitLab template run. Everything comes from the environment, so
# that no input can be read as a command:
#
#   QUERN     the program                                   MODEL     the base: a folder or a file
#   TYPES     types to quantize it to, separated by blanks  QUANTS    models that exist already, one a line
#   TEXTS     texts to score, one a line                    CHUNKS    chunks of each at most; empty: all
#   GATES     file of gates; empty: none                    MODE      deploy or exact
#   PREVIOUS  report of an earlier release; empty: none     CACHE     folder of baselines; empty: none
#   OUT       folder for models and reports                 SUMMARY   file that the summary is appended to
#   OUTPUTS   file for NAME=VALUE lines, as GitHub's        FLAGS     further flags, separated by blanks
#
# Ends with quern's exit code: 5 when a gate failed.
set -euo pipefail

: "${QUERN:=quern}" "${OUT:=quern-report}" "${MODE:=deploy}" "${SUMMARY:=/dev/null}" "${OUTPUTS:=/dev/null}"
: "${MODEL:?the base is missing}" "${TEXTS:?texts are missing}"
mkdir -p "$OUT"

args=(--base "$MODEL" --mode "$MODE")
models=0
if [ -n "${TYPES:-}" ]; then
	read -ra types <<<"$TYPES"
	"$QUERN" quantize "$MODEL" "${types[@]}" -o "$OUT/{type}.gguf" --force
	for t in "${types[@]}"; do
		args+=(--quant "$OUT/$t.gguf")
		models=$((models + 1))
	done
fi
while IFS= read -r line; do
	if [ -n "$line" ]; then
		args+=(--quant "$line")
		models=$((models + 1))
	fi
done <<<"${QUANTS:-}"
if [ "$models" = 0 ]; then
	echo "nothing to verify: give TYPES or QUANTS" >&2
	exit 2
fi
while IFS= read -r line; do
	if [ -n "$line" ]; then args+=(--text "$line"); fi
done <<<"$TEXTS"
if [ -n "${CHUNKS:-}" ]; then args+=(--chunks "$CHUNKS"); fi
if [ -n "${GATES:-}" ]; then args+=(--gates "$GATES"); fi
if [ -n "${CACHE:-}" ]; then args+=(--cache "$CACHE"); fi
if [ -n "${FLAGS:-}" ]; then
	read -ra flags <<<"$FLAGS"
	args+=("${flags[@]}")
fi

code=0
"$QUERN" verify "${args[@]}" --json-file "$OUT/report.json" --junit "$OUT/junit.xml" --markdown "$OUT/summary.md" --html "$OUT/report.html" || code=$?
if { [ "$code" = 0 ] || [ "$code" = 5 ]; } && [ -n "${PREVIOUS:-}" ]; then
	rm -f "$OUT/summary.md"
	again=0
	"$QUERN" report "$OUT/report.json" --previous "$PREVIOUS" --no-worse --junit "$OUT/junit.xml" --markdown "$OUT/summary.md" --html "$OUT/report.html" || again=$?
	if [ "$code" = 0 ]; then code=$again; fi
fi
if [ -f "$OUT/summary.md" ]; then cat "$OUT/summary.md" >>"$SUMMARY"; fi
case $code in
0) outcome=pass ;;
5) outcome=fail ;;
*) outcome=error ;;
esac
{
	echo "exit-code=$code"
	echo "outcome=$outcome"
	echo "json=$OUT/report.json"
	echo "html=$OUT/report.html"
	echo "junit=$OUT/junit.xml"
	echo "summary=$OUT/summary.md"
} >>"$OUTPUTS"
exit "$code"
