package endtoend

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"

	"iam_session_exporter/collector"
	"iam_session_exporter/config"
	"iam_session_exporter/internal/intersight"
	"iam_session_exporter/internal/oam"
)

var update = flag.Bool("update", false, "write what is made from the code anew")

const readme = "../../README.md"

// section returns the README with what stands between the marker of a name and
// the next end replaced.
func section(t *testing.T, page, name, content string) string {
	t.Helper()
	begin := strings.Index(page, "<!-- "+name+":")
	if begin < 0 {
		t.Fatalf("README.md has no section %s; begin = %v, want at least 0", name, begin)
	}
	begin += strings.Index(page[begin:], "\n") + 1
	end := strings.Index(page[begin:], "<!-- end -->")
	if end < 0 {
		t.Fatalf("section %s of README.md has no end; end = %v, want at least 0", name, end)
	}
	return page[:begin] + content + page[begin+end:]
}

func metricsTable(t *testing.T) string {
	t.Helper()
	in, err := intersight.New(intersight.Config{URL: "https://intersight.com"})
	if err != nil {
		t.Fatal(err)
	}
	am, err := oam.New(oam.Config{URL: "https://login.example.com", Options: oam.Options{RoleAttribute: "title"}})
	if err != nil {
		t.Fatal(err)
	}
	var b strings.Builder
	b.WriteString("\n| name | type | labels | from | meaning |\n|---|---|---|---|---|\n")
	for _, f := range collector.Families() {
		from := "both"
		switch {
		case !in.Facts().Has(f.Needs):
			from = "OAM"
		case !am.Facts().Has(f.Needs):
			from = "Intersight"
		}
		meaning := f.Help
		if f.Note != "" {
			meaning += " Published " + f.Note + "."
		}
		labels := ""
		if len(f.Labels) > 0 {
			labels = "`" + strings.Join(f.Labels, "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s | %s | %s | %s |\n", f.Name, f.Type, labels, from, meaning)
	}
	return b.String() + "\n"
}

// flagsOf returns the flags of a help text.
func flagsOf(help string) string {
	_, flags, _ := strings.Cut(help, "\n\n\n")
	var b strings.Builder
	for line := range strings.Lines(flags) {
		if strings.TrimSpace(line) == "" {
			b.WriteByte('\n')
			continue
		}
		b.WriteString(strings.TrimRight(line, " \n") + "\n")
	}
	return strings.TrimRight(b.String(), "\n") + "\n"
}

// The Prometheus configuration that README.md shows is one that Prometheus takes.
func TestReadmePrometheusConfiguration(t *testing.T) {
	page, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	blocks := strings.Split(string(page), "```yaml\nscrape_configs:")
	if len(blocks) != 3 {
		t.Fatalf("%d configurations; len(blocks) = %v, want 3", len(blocks)-1, len(blocks))
	}
	if strings.Contains(blocks[2], "/sd") == strings.Contains(blocks[1], "/sd") || !strings.Contains(string(page), "target_label: source") {
		t.Errorf(`targets found by service discovery must have labels of their own; string(page) = %v, want "target_label: source" in it`, string(page))
	}
	for _, b := range blocks[1:] {
		text, _, _ := strings.Cut(b, "```")
		file := write(t, t.TempDir(), "prometheus.yml", "scrape_configs:"+text)
		if out, err := exec.Command("promtool", "check", "config", file).CombinedOutput(); err != nil {
			t.Errorf("%v\n%s", err, out)
		}
	}
}

// Each configuration that README.md shows is one that the program takes, and each
// curl prints what it shows, figures apart.
func TestReadmeExamples(t *testing.T) {
	page, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	configs := strings.Split(string(page), "```yaml\nsources:")[1:]
	if len(configs) == 0 {
		t.Errorf("no configuration; len(configs) = %v, want more than 0", len(configs))
	}
	for _, c := range configs {
		text, _, _ := strings.Cut(c, "```")
		if _, err := config.Parse([]byte("sources:"+text), "README.md", "."); err != nil {
			t.Error(err)
		}
	}
	p := run(t, "http", "--demo")
	figure := regexp.MustCompile(` [0-9.e+]+$`)
	consoles := strings.Split(string(page), "```console\n$ curl ")[1:]
	if len(consoles) == 0 {
		t.Errorf("no curl; len(consoles) = %v, want more than 0", len(consoles))
	}
	for _, c := range consoles {
		text, _, _ := strings.Cut(c, "```")
		line, want, _ := strings.Cut(text, "\n")
		line = "curl " + strings.ReplaceAll(line, "localhost:10987", strings.TrimPrefix(p.url, "http://"))
		out, err := exec.Command("sh", "-c", line).Output()
		if err != nil {
			t.Errorf("%s: %v", line, err)
		}
		strip := func(s string) (lines []string) {
			for l := range strings.Lines(strings.TrimSpace(s)) {
				lines = append(lines, figure.ReplaceAllString(strings.TrimSpace(l), ""))
			}
			return lines
		}
		if got := strip(string(out)); !slices.Equal(got, strip(want)) {
			t.Errorf("%s prints\n%s\nwant\n%s", line, out, want)
		}
	}
}

// What README.md says of the metrics is what the code says.
func TestReadme(t *testing.T) {
	old, err := os.ReadFile(readme)
	if err != nil {
		t.Fatal(err)
	}
	example, err := os.ReadFile("../../config/iam_session_exporter.example.yml")
	if err != nil {
		t.Fatal(err)
	}
	code, help, _ := once(t, "serve", "--help")
	if code != 0 {
		t.Fatalf("serve --help fails; code = %v, want 0", code)
	}
	page := section(t, string(old), "metrics", metricsTable(t))
	page = section(t, page, "config", "\n```yaml\n"+string(example)+"```\n\n")
	page = section(t, page, "flags", "\n```console\n$ iam_session_exporter serve --help\n"+flagsOf(help)+"```\n\n")
	if page == string(old) {
		return
	}
	if !*update {
		t.Fatal("README.md differs from the code; make docs writes it anew")
	}
	if err := os.WriteFile(readme, []byte(page), 0o644); err != nil {
		t.Fatal(err)
	}
}
