# Types each line and TAB into a shell, and prints what the line is then.
#   keys.zsh DIRECTORY COMPLETION bash|zsh|'zsh installed' LINE...
zmodload zsh/zpty
cd $1
completion=$2 shell=$3
shift 3
# It shows its arguments between << and >>, which are not in what is typed.
program='iam_session_exporter() { printf "\n\74\74%s\76\76\n" "$*"; }'
case $shell in
bash)
	zpty shell bash --norc --noprofile -i
	zpty -w shell "bind 'set bell-style none'; bind 'set enable-bracketed-paste off'; source '$completion'; $program"
	;;
zsh)
	zpty shell zsh -f -i
	zpty -w shell "autoload -U compinit; compinit -D -u; source '$completion'; $program"
	;;
'zsh installed')
	zpty shell zsh -f -i
	zpty -w shell "fpath+=('${completion:h}'); autoload -U compinit; compinit -D -u; $program"
	;;
esac
for line; do
	zpty -w -n shell "iam_session_exporter $line"$'\t\n'
	zpty -r shell out '*<<*>>*'
	print -r -- ${${out##*<<}%%>>*}
done
zpty -d shell
