# The host comes first; options are offered when a dash is typed; only the commands that take
# files of this side get their names.
_coracle_words() {
    local cur=${COMP_WORDS[COMP_CWORD]} prev=${COMP_WORDS[COMP_CWORD-1]} i host= command=
    case $prev in VALUED) _coracle "$@"; return ;; esac
    for ((i = 1; i < COMP_CWORD; i++)); do
        case ${COMP_WORDS[i]} in
            VALUED) ((i++)) ;;
            -* | : | =) ;;
            *) if [[ -z $host ]]; then host=${COMP_WORDS[i]}
               elif [[ ${COMP_WORDS[i-1]} != : ]]; then command=${command:-${COMP_WORDS[i]}}; fi ;;
        esac
    done
    if [[ -z $host && $cur != -* ]]; then
        COMPREPLY=($(compgen -W "$(coracle --list-hosts 2>/dev/null | cut -f1)" -- "$cur"))
        compopt -o bashdefault +o default 2>/dev/null
        return
    fi
    _coracle "$@"
    [[ $cur == -* ]] && return
    local kept=() word
    for word in "${COMPREPLY[@]}"; do [[ $word == -* ]] || kept+=("$word"); done
    COMPREPLY=("${kept[@]}")
    case $command in
        upload | put) ;;
        *) compopt +o bashdefault +o default 2>/dev/null ;;
    esac
}
complete -F _coracle_words -o bashdefault -o default coracle
