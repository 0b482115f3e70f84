# Completion of iam_session_exporter for bash, made by "make docs".

_iam_session_exporter() {
    local cur=${COMP_WORDS[COMP_CWORD]} flag=${COMP_WORDS[COMP_CWORD - 1]} command='' words='' i=1

    # The command is the first word that is one and no flag's value. Other words may be
    # parts of values: bash cuts them at each colon.
    while ((i < COMP_CWORD)) && [[ -z $command ]]; do
        case ${COMP_WORDS[i]} in
        --web.listen-address | --web.config.file | --web.telemetry-path | --web.external-url | --log.level | --log.format | --config.file | --demo.alertmanager | --scrape.timeout-offset | --format | --kind | --identity-store | --output | --for | --source)
            [[ ${COMP_WORDS[i + 1]} != = ]] || ((i++))
            ((i++))
            ;;
        serve | check-config | simulate | healthcheck | detections | pseudonym | record | replay) command=${COMP_WORDS[i]} ;;
        esac
        ((i++))
    done

    # bash makes three words of --flag=value.
    if [[ $cur == = ]]; then
        cur=''
    elif [[ $flag == = ]]; then
        flag=${COMP_WORDS[COMP_CWORD - 2]}
    fi
    COMPREPLY=()
    case $flag in
    --log.level) words='debug info warn error' ;;
    --log.format) words='logfmt json' ;;
    --format) words='text json' ;;
    --kind) words='user address' ;;
    --web.config.file | --config.file | --output) return ;; # a file's name, the default
    --web.listen-address | --web.telemetry-path | --web.external-url | --demo.alertmanager | --scrape.timeout-offset | --identity-store | --for | --source)
        compopt +o default 2>/dev/null && return # bash 3 has no compopt
        ;;
    *)
        case $command/$cur in
        /-*) words='--config.file --config.check --demo --demo.alertmanager --scrape.timeout-offset -h --help --version --web.systemd-socket --web.listen-address --web.config.file --web.telemetry-path --web.external-url --log.level --log.format' ;;
        /*) words='serve check-config simulate healthcheck detections pseudonym record replay' ;;
        serve/-*) words='--config.file --config.check --demo --demo.alertmanager --scrape.timeout-offset -h --help --version --web.systemd-socket --web.listen-address --web.config.file --web.telemetry-path --web.external-url --log.level --log.format' ;;
        check-config/-*) words='--print --online -h --help --version --web.systemd-socket --web.listen-address --web.config.file --web.telemetry-path --web.external-url --log.level --log.format' ;;
        check-config/*) return ;;
        simulate/-*) words='-h --help --version --web.systemd-socket --web.listen-address --web.config.file --web.telemetry-path --web.external-url --log.level --log.format' ;;
        healthcheck/-*) words='-h --help --version --web.systemd-socket --web.listen-address --web.config.file --web.telemetry-path --web.external-url --log.level --log.format' ;;
        detections/-*) words='--config.file --format -h --help --version --web.systemd-socket --web.listen-address --web.config.file --web.telemetry-path --web.external-url --log.level --log.format' ;;
        pseudonym/-*) words='--config.file --kind --identity-store -h --help --version --web.systemd-socket --web.listen-address --web.config.file --web.telemetry-path --web.external-url --log.level --log.format' ;;
        record/-*) words='--config.file --output --for --source -h --help --version --web.systemd-socket --web.listen-address --web.config.file --web.telemetry-path --web.external-url --log.level --log.format' ;;
        replay/-*) words='--config.file --format -h --help --version --web.systemd-socket --web.listen-address --web.config.file --web.telemetry-path --web.external-url --log.level --log.format' ;;
        replay/*) return ;;
        *) compopt +o default 2>/dev/null && return ;;
        esac
        ;;
    esac
    COMPREPLY=($(compgen -W "$words" -- "$cur"))
}

complete -o default -F _iam_session_exporter iam_session_exporter
