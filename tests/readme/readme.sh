#!/usr/bin/env bash
# Do the documents say what is so?
#   - README's quick start runs in psql as printed, block by block, and prints what the README prints
#   - every function and view of schema jitmask is in README's table, and with this signature in docs/reference.md; and
#     nothing is there that does not exist
#   - every SQLSTATE that src/error.rs knows and every setting is in docs/reference.md
#   - every source file is on ARCHITECTURE.md's map, and links between the documents lead somewhere
#   readme.sh           against a throwaway cluster of the test build
source "$(dirname -- "${BASH_SOURCE[0]}")/../../pg_test_config/lib.sh"
cluster=$ROOT/pg_test_config/cluster.sh
name=readme.$$
scratch=$(mktemp -d)
trap '"$cluster" stop "$name"; rm -rf "$scratch"' EXIT
trap 'exit 130' INT TERM
cd "$ROOT"
passed=0 failed=0

# same TITLE EXPECTED ACTUAL: two files are the same.
same() {
    if diff -U2 --label "$1: written" --label "$1: so" "$2" "$3" > "$scratch/diff"; then
        printf '%-60s ok\n' "$1"
        passed=$((passed + 1))
    else
        printf '%-60s FAILED\n' "$1"
        head -n 60 "$scratch/diff"
        failed=$((failed + 1))
    fi
}
# part FILE HEADING: what stands below a heading, up to the next of its level or higher.
part() {
    awk -v heading="$2" 'BEGIN { match(heading, /^#+/); level = RLENGTH }
        !code && /^#+ / { match($0, /^#+/); if (inside && RLENGTH <= level) exit; if ($0 == heading) { inside = 1; next } }
        /^```/ { code = !code }
        inside' "$1"
}
# grep that may find nothing: what is missing shows in the comparison.
lines() { grep "$@" || true; }
query() { "$cluster" psql "$name" -At -d postgres -c "$1"; }

# Each ```sql block of the quick start becomes the file in.N, the ```text block after it out.N.
part README.md '## Quick start' | awk -v dir="$scratch" '
    /^```sql$/ { n++; to = dir "/in." n; printf "" > (dir "/out." n); next }
    /^```text$/ { to = dir "/out." n; next }
    /^```/ { to = ""; next }
    to { print > to }'
blocks=$(find "$scratch" -name 'in.*' | wc -l)
[ "$blocks" -gt 0 ] || die "README.md has no quick start"

"$cluster" start "$name"
# One session, as a reader would have it; blocks are told apart by a line between them.
for n in $(seq "$blocks"); do cat "$scratch/in.$n"; printf '\\echo == end of block\n'; done > "$scratch/session.sql"
"$cluster" psql "$name" -q -d postgres < "$scratch/session.sql" > "$scratch/session.out" 2>&1
# A moment is different each time; only its form is compared.
moments() { sed -E 's/[0-9]{4}-[0-9]{2}-[0-9]{2}[T ][0-9:]{8}(\.[0-9]+)?\+00(:00)?/MOMENT/g'; }
awk -v dir="$scratch" 'BEGIN { n = 1 } /^== end of block$/ { n++; next } { print > (dir "/so." n) }' "$scratch/session.out"
for n in $(seq "$blocks"); do
    touch "$scratch/so.$n"
    # psql ends each result with an empty line, which the README leaves out at the end of a block.
    same "README.md: quick start, block $n" <(moments < "$scratch/out.$n") <(moments < "$scratch/so.$n" | sed -e '${/^$/d}')
done

# Names: those somebody other than the owner may use.
part README.md '## The API' | lines '^| `' | cut -d '|' -f 2 | lines -o '`[^`]*`' | tr -d '`' | LC_ALL=C sort > "$scratch/names"
query "SELECT proname FROM pg_proc p WHERE pronamespace = 'jitmask'::regnamespace
           AND EXISTS (SELECT FROM aclexplode(p.proacl) WHERE grantee = 0)
       UNION SELECT relname FROM pg_class WHERE relnamespace = 'jitmask'::regnamespace AND relkind = 'v'" \
    | LC_ALL=C sort > "$scratch/so"
same "README.md: the API" "$scratch/names" "$scratch/so"

# Signatures: lines "jitmask.NAME(…)" and "    → RESULT" in code blocks.
awk '/^jitmask\./ { call = $0; next } call && /^    → / { print call $0 } { call = "" }' docs/reference.md \
    | LC_ALL=C sort > "$scratch/names"
query "SELECT format('jitmask.%s(%s)    → %s', proname,
           regexp_replace(replace(replace(pg_get_function_arguments(oid), ' DEFAULT ', ' = '), 'timestamp with time zone', 'timestamptz'),
               '(NULL|''[^'']*'')::[a-z\[\] ]+', '\1', 'g'),
           regexp_replace(replace(pg_get_function_result(oid), 'timestamp with time zone', 'timestamptz'), '^TABLE\((.*)\)$', '\1'))
         FROM pg_proc p WHERE pronamespace = 'jitmask'::regnamespace AND proname <> 'mask_default' AND prorettype <> 'trigger'::regtype" \
    | LC_ALL=C sort > "$scratch/so"
same "docs/reference.md: functions" "$scratch/names" "$scratch/so"

part docs/reference.md '## Views' | sed -nE 's/^\| `([a-z_]+)` \| (.*) \|.*\|$/\1: \2/p' | tr -d '`' | LC_ALL=C sort > "$scratch/names"
query "SELECT c.relname || ': ' || string_agg(a.attname, ', ' ORDER BY a.attnum)
         FROM pg_class c JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0
        WHERE c.relnamespace = 'jitmask'::regnamespace AND c.relkind = 'v' GROUP BY c.relname" | LC_ALL=C sort > "$scratch/so"
same "docs/reference.md: views" "$scratch/names" "$scratch/so"

part docs/reference.md '## Settings' | lines -oE '^\| `jitmask\.[a-z_]+`' | tr -d '|` ' | LC_ALL=C sort > "$scratch/names"
query "SELECT name FROM pg_settings WHERE name LIKE 'jitmask.%'" | LC_ALL=C sort > "$scratch/so"
same "docs/reference.md: settings" "$scratch/names" "$scratch/so"

# JM003 is reserved; the codes that our errors can carry are in the comments of enum Code.
part docs/reference.md '## Error codes' | lines -oE '^\| `[0-9A-Z]{5}`' | tr -d '|` ' | LC_ALL=C sort > "$scratch/names"
{ sed -nE 's,^    /// ([0-9A-Z]{5}): .*,\1,p' src/error.rs; printf 'JM003\n'; } | LC_ALL=C sort -u > "$scratch/so"
same "docs/reference.md: error codes" "$scratch/names" "$scratch/so"

# The map: a heading per directory, and in it a line "- `FILE`" (without .rs) for each source file.
for dir in $(find src core/src -name '*.rs' -printf '%h\n' | LC_ALL=C sort -u); do
    part ARCHITECTURE.md "### \`$dir/\`" | lines -oE '^- `[a-z_]+`' | tr -d '\-` ' | LC_ALL=C sort > "$scratch/names"
    find "$dir" -maxdepth 1 -name '*.rs' ! -name mod.rs -printf '%f\n' | sed 's/\.rs$//' | LC_ALL=C sort > "$scratch/so"
    same "ARCHITECTURE.md: $dir" "$scratch/names" "$scratch/so"
done

# Links to files of ours; with an anchor, to a heading in them.
for file in *.md docs/*.md docs/adr/*.md; do
    lines -oE '\]\([^)#:]*(#[a-z0-9-]+)?\)' "$file" | sed -E 's/^\]\((.*)\)$/\1/' | while IFS= read -r link; do
        to=${link%%#*}
        to=${to:+$(dirname "$file")/$to}
        to=${to:-$file}
        [ -e "$to" ] || { printf '%s: %s\n' "$file" "$link"; continue; }
        [[ $link != *#* ]] || grep -E '^#+ ' "$to" | tr '[:upper:]' '[:lower:]' | sed -E 's/^#+ //; s/[^a-z0-9 _-]//g; s/ /-/g' \
            | grep -qxF -- "${link#*#}" || printf '%s: %s\n' "$file" "$link"
    done
done > "$scratch/so"
same "links that lead nowhere" /dev/null "$scratch/so"

"$cluster" check "$name"
printf 'readme: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
