# Reports what breaks the house's rules in the Rust files given; prints "FILE:LINE: rule: why" each. Paths are relative
# to the project's root. Strings and comments are taken out first, so that prose may name what code may not.

BEGIN {
    # room -> rooms of ours that it may import. `error` and `guc` are everybody's; lib.rs may import all.
    allowed["pg"] = ""
    allowed["error"] = "pg"
    allowed["guc"] = "pg"
    allowed["catalog"] = "pg"
    allowed["rewrite"] = "catalog pg"
    allowed["audit"] = "pg"
    allowed["hooks"] = "rewrite audit catalog pg"
    allowed["api"] = "catalog audit pg"
    # In-server tests may look into every room.
    allowed["tests"] = "pg catalog rewrite audit hooks api tests"
    split("pg error guc catalog rewrite audit hooks api tests", names, " ")
    for (i in names) is_room[names[i]] = 1
}

FNR == 1 {
    finish()
    file = FILENAME
    in_comment = 0
    uses = ""
    room = file
    core = (file ~ /^core\//)
    sub(/^src\//, "", room)
    sub(/[\/.].*$/, "", room)
    top = (file == "src/lib.rs")
    test_file = (file ~ /\/tests?(\/|\.rs$)/ || file ~ /_tests?\.rs$/)
    if (!core && !top && !(room in allowed)) report("arrows", "room `" room "` is not on the map in tests/layering/layering.awk")
}

{
    lines = FNR
    if ($0 ~ /TODO|FIXME/ && $0 !~ /(TODO|FIXME)\([a-z][a-z0-9_.-]*\)/) report("todo", "a TODO names its owner: TODO(name): what")
    code = strip($0)
    if (code ~ /(^|[^A-Za-z0-9_])unsafe([^A-Za-z0-9_]|$)/ && code !~ /unsafe_(code|op)/ && (core || room !~ /^(pg|rewrite|hooks)$/))
        report("unsafe", "unsafe stands only in src/pg, src/rewrite and src/hooks")
    if (code ~ /allow\([^)]*unsafe_code/ && (core || room !~ /^(pg|rewrite|hooks)$/))
        report("unsafe", "only src/pg, src/rewrite and src/hooks may allow unsafe_code")
    if (core) {
        if (code ~ /(^|[^A-Za-z0-9_])(pgrx|pg_sys|postgres)[A-Za-z0-9_]*(::|;|[ ,])/) report("arrows", "core knows nothing of PostgreSQL")
        next
    }
    # A `use crate::{a::…, b}` may span lines: gather it up to its semicolon.
    if (uses != "" || code ~ /(^|[ \t(])use[ \t]+crate::/) {
        if (uses == "") uses_line = FNR
        uses = uses code " "
        if (code !~ /;/) next
        check_use(uses)
        uses = ""
    } else {
        rest = code
        while (match(rest, /(^|[^A-Za-z0-9_])crate::[a-z_]+/)) {
            name = substr(rest, RSTART, RLENGTH)
            sub(/^.*crate::/, "", name)
            check_arrow(name, FNR)
            rest = substr(rest, RSTART + RLENGTH)
        }
    }
}

END { finish() }

# use crate::a::b; or use crate::{a::b, c};  Only the first segments count, so what stands in inner braces is dropped.
function check_use(text,    parts, n, i, name) {
    sub(/^.*use[ \t]+crate::/, "", text)
    sub(/;.*$/, "", text)
    if (text ~ /^[ \t]*\{/) {
        sub(/^[ \t]*\{/, "", text)
        sub(/\}[^}]*$/, "", text)
    }
    while (gsub(/\{[^{}]*\}/, "", text)) { }
    n = split(text, parts, ",")
    for (i = 1; i <= n; i++) {
        name = parts[i]
        gsub(/[ \t]/, "", name)
        sub(/(::|as).*$/, "", name)
        if (name ~ /^[a-z_]+$/) check_arrow(name, uses_line)
    }
}

function check_arrow(name, at) {
    if (top || !(name in is_room) || name == room) return
    if (name == "error" || name == "guc") {
        if (room == "error" && name == "guc") report_at("arrows", at, "error imports pg alone")
        return
    }
    if (index(" " allowed[room] " ", " " name " ") == 0)
        report_at("arrows", at, "`" room "` may not import `" name "`" (allowed[room] == "" ? "" : " (it may: " allowed[room] ")"))
}

# The line without comments, string contents and character literals. Block comments and strings over several lines are followed.
function strip(text,    out, c, i, n) {
    out = ""
    n = length(text)
    for (i = 1; i <= n; i++) {
        c = substr(text, i, 1)
        if (in_comment == 1) {
            if (substr(text, i, 2) == "*/") { in_comment = 0; i++ }
        } else if (in_comment == 2) {
            if (c == "\\") i++
            else if (c == "\"") in_comment = 0
        } else if (in_comment == 3) {
            if (substr(text, i, length(raw_end)) == raw_end) { in_comment = 0; i += length(raw_end) - 1 }
        } else if (substr(text, i, 2) == "//") {
            break
        } else if (substr(text, i, 2) == "/*") {
            in_comment = 1
            i++
        } else if (match(substr(text, i), /^r#*"/) && (out == "" || out !~ /[A-Za-z0-9_]$/ || out ~ /(^|[^A-Za-z0-9_])[bc]$/)) {
            raw_end = "\""
            while (length(raw_end) < RLENGTH - 1) raw_end = raw_end "#"
            i += RLENGTH - 1
            in_comment = 3
        } else if (c == "\"") {
            in_comment = 2
        } else if (match(substr(text, i), /^'(\\.|[^\\'])'/)) {
            i += RLENGTH - 1
        } else {
            out = out c
        }
    }
    return out
}

function finish() {
    if (file == "") return
    if (lines > 400) report_at("size", lines, "over 400 lines; split it by noun")
}
function report(rule, why) { report_at(rule, FNR, why) }
function report_at(rule, at, why) { printf "%s:%d: %s: %s\n", file, at, rule, why }
