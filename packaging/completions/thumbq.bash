# SPDX-License-Identifier: Apache-2.0
# Completion of thumbq for bash. `thumbq complete` prints the possible words.

_thumbq()
{
    local words=() word joined='' typed line

    # bash splits words at '=', because COMP_WORDBREAKS has it: `--by=type` is three words here, and
    # one word for thumbq.
    for word in "${COMP_WORDS[@]:1:COMP_CWORD}"; do
        if [[ -n $joined && ( $word == '=' || $joined == *= ) ]]; then
            joined+=$word
            words[${#words[@]} - 1]=$joined
        else
            joined=$word
            words+=("$word")
        fi
        [[ $joined == --* ]] || joined=''
    done
    words=("${words[@]//\\/}")
    typed=${words[${#words[@]} - 1]}
    [[ $typed == --*=* ]] && typed=${typed#*=}

    COMPREPLY=()
    while IFS= read -r line; do
        line=${line%%$'\t'*}
        case $line in
            :folders)
                compopt -o filenames
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -d -- "$typed")
                ;;
            :files)
                compopt -o filenames
                mapfile -t -O "${#COMPREPLY[@]}" COMPREPLY < <(compgen -f -- "$typed")
                ;;
            --*=*)
                COMPREPLY+=("${line#*=}")
                ;;
            *)
                [[ $line == */ ]] && compopt -o nospace
                [[ $line == *[^A-Za-z0-9_./,:@%+-]* ]] && printf -v line %q "$line"
                COMPREPLY+=("$line")
                ;;
        esac
    done < <("${COMP_WORDS[0]/#\~/$HOME}" complete "${words[@]}" 2>/dev/null)
}

complete -F _thumbq thumbq
