#!/usr/bin/env bash
# Tracing a leak of many small parts beside the same rows in one file, in turn, so that a machine whose speed drifts treats both
# alike: blind, with the original, and both again when columns were renamed, costs are in cents and dates have the day first.
# Prints one line a run: what, wall seconds, CPU seconds, peak memory in KB. Needs GNU time.
#
#   benches/parts.sh [ROWS] [PARTS] [ROUNDS]      150,000 rows, about 3,000 parts and 3 rounds by default
set -euo pipefail
cd "$(dirname "$0")/.."
rows=${1:-150000} parts=${2:-3000} rounds=${3:-3}
. benches/common.sh

make_home
"$bin/examples/generate" "$rows" > "$work/stays.csv"
# By year of admission, ward and as many buckets as it takes: three years, eight wards.
mkdir "$work/lake"
awk -F, -v lake="$work/lake" -v buckets="$((parts / 24))" '
    NR == 1 { header = $0; next }
    {
        of = $5; gsub(/ /, "-", of)
        part = lake "/year=" substr($3, 1, 4) "/of=" of "/bucket=" NR % buckets
        if (!(part in known)) { known[part]; system("mkdir -p " part); print header > part "/part-0.csv" }
        print >> (part "/part-0.csv"); close(part "/part-0.csv")
    }' "$work/stays.csv"
"$bin/dyepack" stamp "$work/lake" --dataset stays --to acme -o "$work/acme" 2> /dev/null

# Every fifth row is gone, so that no file is one of the release.
mkdir "$work/plain" "$work/changed"
plain='FNR == 1 || FNR % 5 { print }'
changed='
    function day_first(text) { return substr(text, 9, 2) "." substr(text, 6, 2) "." substr(text, 1, 4) substr(text, 11) }
    BEGIN { FS = OFS = "," }
    FNR == 1 { print "a,b,c,d,e,f,g,h,i,j,k,l" }
    FNR > 1 && FNR % 5 { $3 = day_first($3); $4 = day_first($4); sub(/\./, "", $11); print }'
number=0
while read -r part; do
    number=$((number + 1))
    for leak in plain changed; do
        mkdir -p "$work/$leak/$(dirname "${part#"$work/acme/"}")"
        awk "${!leak}" "$part" > "$work/$leak/${part#"$work/acme/"}"
    done
done < <(find "$work/acme" -name '*.csv' | sort)
for leak in plain changed; do
    find "$work/$leak" -name '*.csv' | sort | xargs cat | awk 'NR == 1 { header = $0 } NR == 1 || $0 != header' > "$work/$leak.csv"
done
echo "$number parts, $(wc -l < "$work/plain.csv") rows"

for _ in $(seq "$rounds"); do
    for leak in plain changed; do
        timed "$leak-one-blind    " "$bin/dyepack" trace --blind "$work/$leak.csv"
        timed "$leak-parts-blind  " "$bin/dyepack" trace --blind "$work/$leak"
        timed "$leak-one-beside   " "$bin/dyepack" trace "$work/$leak.csv"
        timed "$leak-parts-beside " "$bin/dyepack" trace "$work/$leak"
    done
done
