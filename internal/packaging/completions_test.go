package packaging

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// completed is what is typed after the program's name, and what that is after TAB.
var completed = [][2]string{
	{"ch", "check-config"},
	{"--log.level=warn ch", "--log.level=warn check-config"},
	{"--log.format json hea", "--log.format json healthcheck"},
	{"--web.listen-address=:9100 ch", "--web.listen-address=:9100 check-config"},
	{"--web.listen-address :9100 ch", "--web.listen-address :9100 check-config"},
	{"--web.external-url=https://x/ check-config --p", "--web.external-url=https://x/ check-config --print"},
	{"--web.external-url https://x:9/ check-config ia", "--web.external-url https://x:9/ check-config iam.yml"},
	{"--log.level=d", "--log.level=debug"},
	{"--log.level d", "--log.level debug"},
	{"--config.c", "--config.check"},
	{"serve --config.c", "serve --config.check"},
	{"serve --web.sys", "serve --web.systemd-socket"},
	{"--config.file=ia", "--config.file=iam.yml"},
	{"--config.file ia", "--config.file iam.yml"},
	{"--web.config.file=ia", "--web.config.file=iam.yml"},
	{"check-config --p", "check-config --print"},
	{"check-config ia", "check-config iam.yml"},
	{"check-config iam.yml my", "check-config iam.yml my file.yml"},
	{"check-config --print ia", "check-config --print iam.yml"},
	{"check-config conf/i", "check-config conf/inner.yml"},
	{"detections --format=j", "detections --format=json"},
	{"pseudonym --kind=ad", "pseudonym --kind=address"},
	{"pseudonym --config.file=iam.yml --kind ad", "pseudonym --config.file=iam.yml --kind address"},
	{"record --output=se", "record --output=sessions.jsonl"},
	{"replay --config.file=iam.yml se", "replay --config.file=iam.yml sessions.jsonl"},
	{"replay --config.file iam.yml --format te", "replay --config.file iam.yml --format text"},
	// Nothing fits.
	{"healthcheck ia", "healthcheck ia"},
	{"simulate ch", "simulate ch"},
	{"record --for ia", "record --for ia"},
	{"record --for=ia", "record --for=ia"},
	{"replay --pri", "replay --pri"},
	{"check-config --config.c", "check-config --config.c"},
}

// Completions do in each shell what people expect.
func TestCompletions(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"iam.yml", "my file.yml", "sessions.jsonl", "conf/inner.yml"} {
		if err := os.MkdirAll(filepath.Dir(filepath.Join(dir, name)), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path, err := filepath.Abs(filepath.Join(root, "deploy", "completions", programName))
	if err != nil {
		t.Fatal(err)
	}
	var typed []string
	for _, c := range completed {
		typed = append(typed, c[0])
	}
	installed := filepath.Join(t.TempDir(), "_"+programName) // as zsh finds it by itself
	if err := os.Symlink(path+".zsh", installed); err != nil {
		t.Fatal(err)
	}
	keys, complete := []string{"zsh", "-f", "testdata/keys.zsh"}, []string{"fish", "--no-config", "testdata/complete.fish"}
	for _, x := range []struct {
		name, completion string
		cmd              []string
	}{
		{"bash", path + ".bash", keys},
		{"zsh", path + ".zsh", keys},
		{"zsh installed", installed, keys},
		{"fish", path + ".fish", complete},
	} {
		t.Run(x.name, func(t *testing.T) {
			cmd := append([]string{"env", "HOME=" + t.TempDir(), "TERM=vt100", "LC_ALL=C.UTF-8", "timeout", "120"}, x.cmd...)
			cmd = append(cmd, dir, x.completion, x.name)
			got := strings.Split(must(t, append(cmd, typed...)...), "\n")
			if len(got) != len(completed) {
				t.Fatalf("got %d lines, want %d\n%q", len(got), len(completed), got)
			}
			for i, c := range completed {
				if got := strings.TrimRight(got[i], " "); got != c[1] {
					t.Errorf("%q became %q, want %q", c[0], got, c[1])
				}
			}
		})
	}
}

// All that a shell can offer is offered without a word of the command line.
func TestCompletionsOfNothing(t *testing.T) {
	path := filepath.Join(root, "deploy", "completions", programName)
	want := []string{"check-config", "detections", "healthcheck", "pseudonym", "record", "replay", "serve", "simulate"}
	for shell, cmd := range map[string][]string{
		"bash": {"bash", "--norc", "-c", `source "$0"; COMP_WORDS=(x '') COMP_CWORD=1; _iam_session_exporter; printf '%s\n' "${COMPREPLY[@]}"`},
		"fish": {"fish", "--no-config", "-c", `source $argv[1]; complete -C "iam_session_exporter " | string replace -r '\t.*' ''`},
	} {
		got := strings.Fields(must(t, append(cmd, path+"."+shell)...))
		slices.Sort(got)
		if !slices.Equal(got, want) {
			t.Errorf("%s: got %q, want %q", shell, got, want)
		}
	}
}

// mandoc and groff find nothing wrong with the manual page.
func TestManual(t *testing.T) {
	page := filepath.Join(root, "docs", programName+".1")
	if r := run(t, "mandoc", "-T", "lint", "-W", "warning", page); r.code != 0 || r.all != "" {
		t.Errorf("mandoc: exit code %d, want 0\n%s", r.code, r.all)
	}
	if r := run(t, "groff", "-ww", "-man", "-Tutf8", "-z", page); r.code != 0 || r.all != "" {
		t.Errorf("groff: exit code %d, want 0\n%s", r.code, r.all)
	}
	text := read(t, page)
	for _, section := range []string{"NAME", "SYNOPSIS", "DESCRIPTION", "COMMANDS", "OPTIONS", "FILES", "SIGNALS", "EXIT STATUS", "ENVIRONMENT", "SEE ALSO"} {
		if !strings.Contains(text, "\n.SH "+section+"\n") {
			t.Errorf("no section %s in\n%s", section, text)
		}
	}
}
