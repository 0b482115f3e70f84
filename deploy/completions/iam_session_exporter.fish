# Completion of iam_session_exporter for fish, made by "make docs".

set -l commands serve check-config simulate healthcheck detections pseudonym record replay
complete -c iam_session_exporter -f
complete -c iam_session_exporter -s h -l help -d 'Show context-sensitive help (also try --help-long and --help-man)'
complete -c iam_session_exporter -l version -d 'Show application version'
complete -c iam_session_exporter -l web.systemd-socket -d 'Use systemd socket activation listeners instead of port listeners (Linux only)'
complete -c iam_session_exporter -l web.listen-address -x -d 'Addresses on which to expose metrics and web interface'
complete -c iam_session_exporter -l web.config.file -r -F -d 'Path to configuration file that can enable TLS or authentication'
complete -c iam_session_exporter -l web.telemetry-path -x -d 'Path under which to expose metrics'
complete -c iam_session_exporter -l web.external-url -x -d 'URL under which people and Prometheus reach this exporter, for example behind a reverse proxy'
complete -c iam_session_exporter -l log.level -x -a 'debug info warn error' -d 'Only log messages of this level or above'
complete -c iam_session_exporter -l log.format -x -a 'logfmt json' -d 'Output format of log messages'

complete -c iam_session_exporter -n "not __fish_seen_subcommand_from $commands" -a serve -d 'Serve metrics'
complete -c iam_session_exporter -n 'not __fish_seen_subcommand_from check-config simulate healthcheck detections pseudonym record replay' -l config.file -r -F -d 'Configuration file'
complete -c iam_session_exporter -n 'not __fish_seen_subcommand_from check-config simulate healthcheck detections pseudonym record replay' -l config.check -d 'Only check the configuration file, as check-config does'
complete -c iam_session_exporter -n 'not __fish_seen_subcommand_from check-config simulate healthcheck detections pseudonym record replay' -l demo -d 'Run without a configuration file, scraping two built-in simulated APIs'
complete -c iam_session_exporter -n 'not __fish_seen_subcommand_from check-config simulate healthcheck detections pseudonym record replay' -l demo.alertmanager -x -d 'URL of the Alertmanager to which the demo sends its own alerts'
complete -c iam_session_exporter -n 'not __fish_seen_subcommand_from check-config simulate healthcheck detections pseudonym record replay' -l scrape.timeout-offset -x -d 'Time to subtract from Prometheus'\''s scrape timeout (at most 10 % of it)'

complete -c iam_session_exporter -n "not __fish_seen_subcommand_from $commands" -a check-config -d 'Check configuration files'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from check-config' -l print -d 'Print the configuration in force'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from check-config' -l online -d 'Also sign in to each source once, read a page of each list or one search, and say what works and what to do'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from check-config' -F

complete -c iam_session_exporter -n "not __fish_seen_subcommand_from $commands" -a simulate -d 'Serve only the simulated APIs, and print a configuration for them'

complete -c iam_session_exporter -n "not __fish_seen_subcommand_from $commands" -a healthcheck -d 'Exit 0 if the exporter on this host is healthy'

complete -c iam_session_exporter -n "not __fish_seen_subcommand_from $commands" -a detections -d 'Explain the detections'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from detections' -l config.file -r -F -d 'Configuration file'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from detections' -l format -x -a 'text json' -d 'How to print it'

complete -c iam_session_exporter -n "not __fish_seen_subcommand_from $commands" -a pseudonym -d 'Print the subject that users or addresses have in alerts, a tab, and the name'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from pseudonym' -l config.file -r -F -d 'Configuration file with an alerting block'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from pseudonym' -l kind -x -a 'user address' -d 'What the names are'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from pseudonym' -l identity-store -x -d 'Identity store of the users, for OAM'

complete -c iam_session_exporter -n "not __fish_seen_subcommand_from $commands" -a record -d 'Append a snapshot of each source to a file at each alerting.interval, with pseudonyms instead of names'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from record' -l config.file -r -F -d 'Configuration file with an alerting block'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from record' -l output -r -F -d 'File to append JSON lines to'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from record' -l for -x -d 'Time to record'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from record' -l source -x -d 'Only these sources (repeatable)'

complete -c iam_session_exporter -n "not __fish_seen_subcommand_from $commands" -a replay -d 'Print which alerts would have fired and resolved in recordings'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from replay' -l config.file -r -F -d 'Configuration file with an alerting block'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from replay' -l format -x -a 'text json' -d 'How to print it'
complete -c iam_session_exporter -n '__fish_seen_subcommand_from replay' -F
