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

// The pages with examples and generated parts.
const (
	readme        = "../../README.md"
	configuration = "../../docs/configuration.md"
	metrics       = "../../docs/metrics.md"
)

func readPage(t *testing.T, file string) string {
	t.Helper()
	page, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

// section returns a page with what stands between the marker of a name and the
// next end replaced.
func section(t *testing.T, page, name, content string) string {
	t.Helper()
	begin := strings.Index(page, "<!-- "+name+":")
	if begin < 0 {
		t.Fatalf("no section %s in the page, want one", name)
	}
	begin += strings.Index(page[begin:], "\n") + 1
	end := strings.Index(page[begin:], "<!-- end -->")
	if end < 0 {
		t.Fatalf("section %s has no end, want <!-- end -->", name)
	}
	return page[:begin] + content + page[begin+end:]
}

func metricsTable(t *testing.T) string {
	t.Helper()
	in, err := intersight.New(intersight.Config{URL: "https://intersight.com", Options: intersight.Options{IdentityProviders: true}})
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

// Prometheus takes each configuration for it that the pages show.
func TestPrometheusConfigurations(t *testing.T) {
	for file, sd := range map[string]bool{readme: false, configuration: true} {
		blocks := strings.Split(readPage(t, file), "```yaml\nscrape_configs:")
		if len(blocks) != 2 {
			t.Fatalf("%s has %d configurations, want 1", file, len(blocks)-1)
		}
		text, _, _ := strings.Cut(blocks[1], "```")
		if got := strings.Contains(text, "/sd"); got != sd {
			t.Errorf("%s: service discovery %v, want %v", file, got, sd)
		}
		if sd && !strings.Contains(text, "target_label: source") {
			t.Errorf("%s: targets found by service discovery must have labels of their own", file)
		}
		config := write(t, t.TempDir(), "prometheus.yml", "scrape_configs:"+text)
		if out, err := exec.Command("promtool", "check", "config", config).CombinedOutput(); err != nil {
			t.Errorf("%s: %v\n%s", file, err, out)
		}
	}
}

// Each configuration that README.md shows is valid, and each curl prints what it
// shows, apart from the figures.
func TestReadmeExamples(t *testing.T) {
	page := readPage(t, readme)
	configs := strings.Split(page, "```yaml\nsources:")[1:]
	if len(configs) == 0 {
		t.Error("0 configurations, want at least 1")
	}
	for _, c := range configs {
		text, _, _ := strings.Cut(c, "```")
		if _, err := config.Parse([]byte("sources:"+text), "README.md", "."); err != nil {
			t.Error(err)
		}
	}
	p := run(t, "http", "--demo")
	figure := regexp.MustCompile(` [0-9.e+]+$`)
	consoles := strings.Split(page, "```console\n$ curl ")[1:]
	if len(consoles) == 0 {
		t.Error("0 examples of curl, want at least 1")
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
		if got, want := strip(string(out)), strip(want); !slices.Equal(got, want) {
			t.Errorf("%s prints\n%s\nwant, apart from the figures,\n%s", line, strings.Join(got, "\n"), strings.Join(want, "\n"))
		}
	}
}

// The parts of docs/ that are generated are what the code says; make docs writes
// them.
func TestGeneratedPages(t *testing.T) {
	code, help, _ := once(t, "serve", "--help")
	if code != 0 {
		t.Fatalf("serve --help exits with %d, want 0", code)
	}
	example := readPage(t, "../../config/iam_session_exporter.example.yml")
	for file, sections := range map[string]map[string]string{
		metrics: {"metrics": metricsTable(t), "alerting": alertingTable(t)},
		configuration: {
			"config": "\n```yaml\n" + example + "```\n\n",
			"flags":  "\n```console\n$ iam_session_exporter serve --help\n" + flagsOf(help) + "```\n\n",
		},
	} {
		old := readPage(t, file)
		page := old
		for name, content := range sections {
			page = section(t, page, name, content)
		}
		if page == old {
			continue
		}
		if !*update {
			t.Errorf("%s differs from the code; make docs writes it anew", file)
		} else if err := os.WriteFile(file, []byte(page), 0o644); err != nil {
			t.Fatal(err)
		}
	}
}
