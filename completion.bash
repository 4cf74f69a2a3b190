# Completion of groups, options and keys: source completion.bash; python -m kanbench basis=<TAB>
# Hydra's own script completes `python file.py` and programs, and not `python -m`; this asks Hydra the same question.
_kanbench() {
    [ "${COMP_WORDS[*]:1:2}" = "-m kanbench" ] || return
    local line="kanbench ${COMP_LINE#*-m kanbench }"
    local choices=$(COMP_LINE="$line" COMP_POINT=${#line} "${COMP_WORDS[0]}" -m kanbench -sc query=bash 2>/dev/null)
    COMPREPLY=($(compgen -W "$choices" -- "${COMP_WORDS[COMP_CWORD]}"))
}
COMP_WORDBREAKS=${COMP_WORDBREAKS//=/}
complete -o nospace -o default -F _kanbench python python3 .venv/bin/python
