# The host comes first: the command is the word behind it. This replaces the definition above.
function __fish_coracle_needs_command
    set -l words (__fish_coracle_words)
    if set -q words[2]
        echo $words[2]
        return 1
    end
end

function __fish_coracle_has_host
    test (count (__fish_coracle_words)) -eq 1
end

function __fish_coracle_needs_host
    test (count (__fish_coracle_words)) -eq 0
end

# The words that are neither options nor their values.
function __fish_coracle_words
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -i (__fish_coracle_global_optspecs) -- $cmd 2>/dev/null
    and string join \n -- $argv
end

complete -c coracle -f
complete -c coracle -n __fish_coracle_needs_host -a "(coracle --list-hosts 2>/dev/null)"
complete -c coracle -n "__fish_coracle_using_subcommand upload put" -F
