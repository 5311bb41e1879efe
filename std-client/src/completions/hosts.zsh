# Names of the configuration file come before those of the network.
_coracle_hosts() {
    local -a names
    names=(${(f)"$(coracle --list-hosts 2>/dev/null | cut -f1)"})
    compadd -a names
    _hosts
}
