#!/usr/bin/env bash
# Runs tests on a server under valgrind's memcheck. Fails if a process of the server crashed, or if memcheck reports an
# error whose stack names our library.
#   crash_free.sh                      both of these
#   crash_free.sh regress [NAME...]    SQL regression files; if none is named, the attacks and some more
#   crash_free.sh diff [N]             N statements of the differential test (300); SEED from the environment
# The server's own executables are not built for memcheck, which so sees its memory in large blocks only: it finds reads
# of memory that never was anybody's, and of values nobody set, not every use after pfree. (Rust's own memory, it sees.)
# What it said: target/memcheck/.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
house=$ROOT/pg_test_config
logs=$(place)/memcheck
"$house/setup.sh" valgrind

# A server tree whose postgres is valgrind with the real one behind it. initdb's runs are of no interest, and slow.
tree=$(place)/server/memcheck
bin=$tree$(server_rel bindir)
[ -x "$(server_bin test postgres)" ] || die "there is no server tree 'test' yet: pg_test_config/build.sh test"
rm -rf "$tree"
cp -a "$(place)/server/test" "$tree"
mv "$bin/postgres" "$bin/postgres.real"
cat >"$bin/postgres" <<END
#!/bin/sh
case \$1 in
-V | --version | --boot | --single | --check | --describe-config | -C) exec "$bin/postgres.real" "\$@" ;;
esac
exec valgrind --quiet --leak-check=no --num-callers=60 --suppressions="$ROOT/tests/server/memcheck.supp" \\
    --log-file="$logs/%p.log" "$bin/postgres.real" "\$@"
END
chmod 755 "$bin/postgres"
rm -rf "$logs"
mkdir -p "$logs"
if is_root; then chown "$DB_USER" "$logs"; fi

export JITMASK_TEST_SERVER=memcheck
failed=0 start=$SECONDS

# What a test prints is no failure here: the server is so slow that some plans differ, and some statements take too long.
# Their own targets are for that.
regress() {
    local names=("$@") file
    if [ ${#names[@]} = 0 ]; then
        for file in "$ROOT"/tests/pg_regress/sql/{bypass_*,read_shapes,plans,foreign_keys}.sql; do names+=("$(basename "$file" .sql)"); done
    fi
    "$house/regress.sh" run "${names[@]}" || say "something else was printed than on a fast server, which is no failure"
}
differential() { N=${1:-300} "$house/diff.sh" fuzz || say "the differential test has its doubts about a server as slow, which is no failure"; }

case ${1:-} in
'') regress && differential ;;
regress) regress "${@:2}" ;;
diff) differential "${2:-}" ;;
*) die "usage: crash_free.sh [regress [NAME...] | diff [N]]" ;;
esac

# An error ends with an empty line. Frames of ours are named by function, or by library where that is not known; and so
# are the server's errors below our hooks: those known are in memcheck.supp.
report=$logs/ours
awk -v RS='\n==[0-9]+== \n' -v ORS='\n\n' '/: .*jitmask(_core)?::/ || /jitmask\.so/ || /default action of signal/' "$logs"/*.log >"$report"
all=$(cat "$logs"/*.log | grep -cE '^==[0-9]+== [A-Z]' || true)
say "memcheck: $(find "$logs" -name '*.log' | wc -l) processes, $all errors in all, in $((SECONDS - start)) s"
if [ -s "$report" ]; then
    head -n 100 "$report" >&2
    failed=$((failed + 1))
fi
printf 'crash-free: %d passed, %d failed\n' $((failed == 0)) "$failed"
[ "$failed" = 0 ]
