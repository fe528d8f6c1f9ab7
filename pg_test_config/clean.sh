#!/usr/bin/env bash
# Stops our servers and removes what was built; the installed packages stay.
source "$(dirname -- "${BASH_SOURCE[0]}")/lib.sh"
[ -d "$TARGET" ] || exit 0
if [ -x "$HOUSE_PG_CONFIG" ]; then "$ROOT/pg_test_config/cluster.sh" stop-all; fi
# The directory that place() may have made elsewhere, and only one of that name.
if [ -s "$TARGET/place" ]; then
    case $(cat "$TARGET/place") in /var/tmp/jitmask.*) rm -rf "$(cat "$TARGET/place")" ;; esac
fi
rm -rf "$TARGET"
