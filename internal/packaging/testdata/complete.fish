# Prints what each line is after TAB: with the one word that fits, or as it was.
#   complete.fish DIRECTORY COMPLETION NAME LINE...
cd $argv[1]
source $argv[2]
for line in $argv[4..]
    set -l words (complete -C "iam_session_exporter $line" | string replace -r '\t.*' '')
    if test (count $words) = 1
        set -l before (string replace -r '[^ ]*$' '' -- $line)
        echo -- $before$words
    else
        echo -- $line
    end
end
