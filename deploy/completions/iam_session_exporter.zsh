#compdef iam_session_exporter
# Completion of iam_session_exporter for zsh, made by "make docs": a file of the name
# _iam_session_exporter in a directory of fpath, or to be sourced.

_iam_session_exporter() {
    local context state state_descr line
    typeset -A opt_args
    local -a common=(
        '(-h --help)'{-h,--help}'[Show context-sensitive help (also try --help-long and --help-man)]'
        '--version[Show application version]'
        '--web.systemd-socket[Use systemd socket activation listeners instead of port listeners (Linux only)]'
        '*--web.listen-address=[Addresses on which to expose metrics and web interface]:listen-address: '
        '--web.config.file=[Path to configuration file that can enable TLS or authentication]:file:_files'
        '--web.telemetry-path=[Path under which to expose metrics]:telemetry-path: '
        '--web.external-url=[URL under which people and Prometheus reach this exporter, for example behind a reverse proxy]:external-url: '
        '--log.level=[Only log messages of this level or above]:level:(debug info warn error)'
        '--log.format=[Output format of log messages]:format:(logfmt json)'
    )
    local -a default=(
        '--config.file=[Configuration file]:file:_files'
        '--config.check[Only check the configuration file, as check-config does]'
        '--demo[Run without a configuration file, scraping two built-in simulated APIs]'
        '--demo.alertmanager=[URL of the Alertmanager to which the demo sends its own alerts]:alertmanager: '
        '--scrape.timeout-offset=[Time to subtract from Prometheus'\''s scrape timeout (at most 10 % of it)]:timeout-offset: '
    )
    local -a commands=(
        'serve:Serve metrics'
        'check-config:Check configuration files'
        'simulate:Serve only the simulated APIs, and print a configuration for them'
        'healthcheck:Exit 0 if the exporter on this host is healthy'
        'detections:Explain the detections'
        'pseudonym:Print the subject that users or addresses have in alerts, a tab, and the name'
        'record:Append a snapshot of each source to a file at each alerting.interval, with pseudonyms instead of names'
        'replay:Print which alerts would have fired and resolved in recordings'
    )
    _arguments -C $common $default '(-): :->command' '(-)*:: :->arguments' && return
    case $state in
    command) _describe command commands ;;
    arguments)
        case $words[1] in
        serve)
            _arguments $common $default
            ;;
        check-config)
            _arguments $common \
                '--print[Print the configuration in force]' \
                '--online[Also sign in to each source once, read a page of each list or one search, and say what works and what to do]' \
                '*:file:_files'
            ;;
        simulate)
            _arguments $common
            ;;
        healthcheck)
            _arguments $common
            ;;
        detections)
            _arguments $common \
                '--config.file=[Configuration file]:file:_files' \
                '--format=[How to print it]:format:(text json)'
            ;;
        pseudonym)
            _arguments $common \
                '--config.file=[Configuration file with an alerting block]:file:_files' \
                '--kind=[What the names are]:kind:(user address)' \
                '--identity-store=[Identity store of the users, for OAM]:identity-store: ' \
                '*:name: '
            ;;
        record)
            _arguments $common \
                '--config.file=[Configuration file with an alerting block]:file:_files' \
                '--output=[File to append JSON lines to]:output:_files' \
                '--for=[Time to record]:for: ' \
                '*--source=[Only these sources (repeatable)]:source: '
            ;;
        replay)
            _arguments $common \
                '--config.file=[Configuration file with an alerting block]:file:_files' \
                '--format=[How to print it]:format:(text json)' \
                '*:file:_files'
            ;;
        esac
        ;;
    esac
}

if [[ $funcstack[1] == _iam_session_exporter ]]; then
    _iam_session_exporter "$@"
else
    compdef _iam_session_exporter iam_session_exporter
fi
