# Completion of commands, options, groups and keys: eval "$(kanbench --completion)"; kanbench basis=<TAB>
# It works for `kanbench` and `python -m kanbench`; Hydra's own script knows neither commands nor `python -m`.
_kanbench() {
    local line program
    if [ "${COMP_WORDS[*]:1:2}" = "-m kanbench" ]; then
        line="kanbench ${COMP_LINE#*-m kanbench }"
        program=("${COMP_WORDS[0]}" -m kanbench)
    elif [ "${COMP_WORDS[0]##*/}" = kanbench ]; then
        line="kanbench ${COMP_LINE#* }"
        program=("${COMP_WORDS[0]}")
    else
        return
    fi
    local choices=$(COMP_LINE="$line" COMP_POINT=${#line} "${program[@]}" -sc query=bash 2>/dev/null)
    COMPREPLY=($(compgen -W "$choices" -- "${COMP_WORDS[COMP_CWORD]}"))
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=/}
complete -o nospace -o default -F _kanbench python python3 .venv/bin/python kanbench .venv/bin/kanbench
