# SPDX-License-Identifier: Apache-2.0
# Completion of thumbq for fish. `thumbq complete` prints the possible words.

function __thumbq_complete
    set -l words (commandline -opc) (commandline -ct)
    set -l typed (commandline -ct | string replace -r -- '^--[^=]*=' '')
    for line in ($words[1] complete $words[2..-1] 2>/dev/null)
        switch $line
            case :folders
                __fish_complete_directories $typed
            case :files
                __fish_complete_path $typed
            case '*'
                echo $line
        end
    end
end

complete -c thumbq -f -k -a '(__thumbq_complete)'
