#!/usr/bin/env bash
# Enforces the arrows between modules (ARCHITECTURE.md), where `unsafe` may stand, file sizes, owners of TODOs, and that no
# path of somebody's machine is committed. First it plants a violation of each rule in a scratch tree and demands that
# it is found: a test that cannot fail is no test.
set -euo pipefail
here=$(cd -- "$(dirname -- "${BASH_SOURCE[0]}")" && pwd -P)
root=$(cd -- "$here/../.." && pwd -P)

# findings DIR: all violations in the tree DIR, one a line.
findings() (
    cd "$1"
    find src core/src -name '*.rs' -print0 | LC_ALL=C sort -z | xargs -0 awk -f "$here/layering.awk"
    # Absolute paths of one machine; in files that are, or will be, committed. $'…' keeps this very line from matching.
    files=(git ls-files -z --cached --others --exclude-standard)
    git rev-parse --git-dir >/dev/null 2>&1 || files=(find * -path target -prune -o -type f -print0)
    "${files[@]}" | xargs -0 grep -InE '(^|[^A-Za-z0-9_./-])/(wor''k|roo''t|ho''me/[a-z]+)/' /dev/null 2>/dev/null \
        | sed -E 's/^([^:]+:[0-9]+):.*/\1: paths: a path of somebody'"'"'s machine/' || true
)

passed=0 failed=0
# check NAME STATUS: counts and prints.
check() {
    if [ "$2" = 0 ]; then printf '%-60s ok\n' "$1"; passed=$((passed + 1)); else printf '%-60s FAILED\n' "$1"; failed=$((failed + 1)); fi
}

# plant FILE EXPECTED: the text on standard input, in FILE of an otherwise clean tree, must be reported at EXPECTED
# ("LINE: rule"), or, if EXPECTED is "clean", not at all.
plant() {
    local tree out status=0
    tree=$(mktemp -d)
    mkdir -p "$tree/src" "$tree/core/src" "$tree/$(dirname "$1")"
    printf 'mod pg;\n' > "$tree/src/lib.rs"
    printf 'pub fn pure() {}\n' > "$tree/core/src/lib.rs"
    cat > "$tree/$1"
    out=$(findings "$tree")
    if [ "$2" = clean ]; then [ -z "$out" ] || status=1; else [[ $out == "$1:$2:"* ]] || status=1; fi
    rm -rf "$tree"
    check "self-test: $1${3:+ $3}: ${2/clean/nothing to report}" "$status"
    [ "$status" = 0 ] || printf '  reported instead: %s\n' "${out:-nothing}"
}

plant src/pg/x.rs '1: arrows' <<< 'use crate::catalog::labels;'
plant src/catalog/x.rs '2: arrows' <<< $'use jitmask_core::model;\nfn f() { crate::rewrite::g() }'
plant src/rewrite/x.rs '2: arrows' '(braces)' <<< $'//! x\nuse crate::{\n    pg::{raw, report},\n    audit::ring,\n};'
plant src/audit/x.rs '1: arrows' <<< 'pub(crate) use crate::api;'
plant src/hooks/x.rs '1: arrows' <<< 'use crate::api::policy;'
plant src/api/x.rs '1: arrows' <<< 'use crate::hooks;'
plant src/error.rs '1: arrows' <<< 'use crate::catalog::mask;'
plant src/stray/x.rs '1: arrows' '(unknown room)' <<< 'fn f() {}'
plant core/src/x.rs '1: arrows' <<< 'use pgrx::pg_sys;'
plant core/src/x.rs '1: unsafe' <<< 'fn f() { unsafe { g() } }'
plant src/api/x.rs '2: unsafe' <<< $'fn g() {}\nunsafe fn f() {}'
plant src/audit/ring.rs '1: unsafe' '(allow)' <<< '#![allow(unsafe_code)]'
plant src/pg/x.rs '401: size' < <(yes '// line' | head -n 401)
plant src/pg/x.rs '1: todo' <<< '// TODO: later'
plant docs/x.md '1: paths' <<< "see /wor""k/somewhere"
plant src/api/x.rs clean <<< $'// crate::hooks is unsafe here\nuse crate::{pg::report, catalog::{self, labels}, error::Result};\nconst A: &str = "unsafe crate::rewrite::x";\nconst B: &str = r#"crate::hooks "x" unsafe"#; fn f(_: char) { f(\'"\') } // TODO(ann): crate::hooks'
plant src/hooks/x.rs clean <<< $'use crate::{rewrite, audit, catalog, pg, guc};\nfn f() { unsafe { crate::rewrite::g() } }'

out=$(findings "$root")
for rule in arrows unsafe size todo paths; do
    if hits=$(grep -E "^[^:]+:[0-9]+: $rule:" <<< "$out"); then printf '%s\n' "$hits"; check "$rule" 1; else check "$rule" 0; fi
done
printf 'layering: %d passed, %d failed\n' "$passed" "$failed"
[ "$failed" = 0 ]
