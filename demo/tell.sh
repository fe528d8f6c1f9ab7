# shellcheck shell=bash
# Tells a story written in SQL: prints each statement behind its teller's prompt and what psql answers. Sourced by demo.sh.
#
# A story file is plain SQL. Its comments are the narration, but for those that direct:
#   -- # text          a heading
#   -- @role           the following statements are typed by this role, in the one psql session it keeps throughout
#   -- @shows text     the next answer must hold the text   } the demo proves what it says, and fails
#   -- @hides text     the next answer must not hold it     } where it is not so
#   -- @log text       prints the server's log lines that hold the text, without their time and process; some must
# Any ERROR fails the demo too. Each statement ends at the end of a line.

declare -A to from pids
teller= demo= checks=0
# The last line printed: psql ends a table with an empty line, and one is enough.
last=
end_of_answer='--- end of answer ---'
bold='' dim='' plain=''
if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; fi

# enter ROLE: opens its session, once.
enter() {
    teller=$1
    [ -z "${pids[$1]:-}" ] || return 0
    local pipes in out
    pipes=$(mktemp -d)
    mkfifo "$pipes/in" "$pipes/out"
    # Opened for reading and writing, so that neither open waits for the other side.
    exec {in}<>"$pipes/in" {out}<>"$pipes/out"
    "$cluster" psql "$demo" -q -d demo -U "$1" <&"$in" >&"$out" 2>&1 &
    pids[$1]=$! to[$1]=$in from[$1]=$out
    rm -rf "$pipes"
}

# Ends every session.
leave() {
    local role
    for role in "${!pids[@]}"; do
        printf '\\q\n' >&"${to[$role]}"
        wait "${pids[$role]}" 2>/dev/null || true
        unset "pids[$role]"
    done
}

# ask STATEMENT: prints it behind the prompt, then the answer, which stays in $answer.
ask() {
    local line prompt="$teller=> "
    while IFS= read -r line; do
        printf '%s%s%s%s\n' "$dim" "$prompt" "$plain" "$line"
        prompt="$teller-> "
    done <<< "$1"
    printf '%s\n\\echo %s\n' "$1" "'$end_of_answer'" >&"${to[$teller]}"
    answer=
    while IFS= read -r -t 60 -u "${from[$teller]}" line || die "no answer from $teller's session within a minute"; do
        [ "$line" != "$end_of_answer" ] || break
        printf '%s\n' "$line"
        last=$line
        answer+=$line$'\n'
    done
}

# show_log TEXT
show_log() {
    "$cluster" log "$demo" | grep -F "LOG:  $1" | sed -E 's/^.* LOG:  /  /' || die "the server's log holds no line with: $1"
    checks=$((checks + 1))
}

# tell FILE
tell() {
    local line statement='' shows=() hides=() text
    while IFS= read -r line || [ -n "$line" ]; do
        if [ -n "$statement" ]; then
            statement+=$'\n'$line
        else
            case $line in
            '-- # '*) text=${line#-- # }; printf '\n%s%s%s\n%s\n' "$bold" "$text" "$plain" "${text//?/=}"; continue ;;
            '-- @shows '*) shows+=("${line#-- @shows }"); continue ;;
            '-- @hides '*) hides+=("${line#-- @hides }"); continue ;;
            '-- @log '*) show_log "${line#-- @log }"; continue ;;
            '-- @'*) enter "${line#-- @}"; continue ;;
            '-- '*) last=${line#-- }; printf '%s\n' "$last"; continue ;;
            '') [ -z "$last" ] || printf '\n'; last=; continue ;;
            *) statement=$line ;;
            esac
        fi
        [[ $line == *';' ]] || continue
        ask "$statement"
        [[ $answer != *ERROR:* ]] || die "the story in ${1#"$ROOT"/} went wrong at the statement above"
        for text in "${shows[@]}"; do [[ $answer == *"$text"* ]] || die "the answer above should have shown: $text"; done
        for text in "${hides[@]}"; do [[ $answer != *"$text"* ]] || die "the answer above should not have shown: $text"; done
        checks=$((checks + ${#shows[@]} + ${#hides[@]}))
        statement='' shows=() hides=()
    done < "$1"
    [ -z "$statement" ] || die "${1#"$ROOT"/} ends within a statement"
}
